"""Checks the provider's tokens; usable by any service (see README.md beside this file)."""

from iam.auth.configuration import AuthConfiguration, ConfigurationError
from iam.auth.parties import Caller, Identity
from iam.auth.provider import Endpoints
from iam.auth.refusals import REFUSALS, Refusal
from iam.auth.verifier import Verifier

__all__ = [
    "REFUSALS",
    "AuthConfiguration",
    "Caller",
    "ConfigurationError",
    "Endpoints",
    "Identity",
    "Refusal",
    "Verifier",
]
