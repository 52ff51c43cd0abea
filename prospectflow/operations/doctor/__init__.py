"""One page for an operator: how things stand here, and what needs attention."""

from .examining import SUBJECTS, examine
from .findings import Finding

__all__ = ["SUBJECTS", "Finding", "examine"]
