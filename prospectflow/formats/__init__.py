"""How dates and hours are written in the console."""
