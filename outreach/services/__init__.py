"""What is done with campaigns: a module a subject; `at` or `now` is always given."""
