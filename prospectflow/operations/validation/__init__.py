"""Twelve suites that compare a live database with what the models promise."""

from .suites import SUITES, Result, Suite, problems_of, validate

__all__ = ["SUITES", "Result", "Suite", "problems_of", "validate"]
