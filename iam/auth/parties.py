"""Who stands behind a token."""

from dataclasses import dataclass
from datetime import datetime

from iam.auth.configuration import AuthConfiguration


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A person who signed in; says who, never where or as what. Moments are in UTC."""

    subject: str
    email: str  # lower-case, verified by the provider
    first_name: str
    last_name: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A person's program or a machine that calls the API. Moments are in UTC."""

    subject: str
    client_id: str
    is_machine: bool
    issued_at: datetime
    expires_at: datetime
    scopes: frozenset[str]

    def may_read(self, configuration: AuthConfiguration) -> bool:
        """May this caller use safe methods, as far as the token's scopes go?"""
        if not self.is_machine:
            return configuration.person_scope in self.scopes
        return not self.scopes.isdisjoint((configuration.read_scope, configuration.write_scope))

    def may_write(self, configuration: AuthConfiguration) -> bool:
        """May this caller use unsafe methods, as far as the token's scopes go?"""
        wanted = configuration.write_scope if self.is_machine else configuration.person_scope
        return wanted in self.scopes
