"""A whole campaign over virtual time, through the functions everything else uses."""
