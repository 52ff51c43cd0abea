"""Companies, people and positions, for programs."""
