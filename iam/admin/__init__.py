"""Pages for who is in the organisation, and for what they did."""

from iam.admin import members, organisation, programs, trail

__all__ = ["members", "organisation", "programs", "trail"]
