"""How a file of prospects becomes companies, people and positions."""
