"""The log: how a line looks, what never stands in it, and what requests and queries tell it."""
