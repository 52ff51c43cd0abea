"""Who may do what, stated once more and apart from the views, and the people who try it."""
