"""The way to Citus: which table lies where, and the statements that put it there."""

from .plan import statements

__all__ = ["statements"]
