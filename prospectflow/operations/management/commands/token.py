"""Give the programs of a laptop a token: its sign-in provider has no way of its own."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from iam.auth import AuthConfiguration, Identity, Refusal
from iam.services import known_person
from iam.signing_in.people import person_of
from iam.signing_in.refusals import AddressTaken
from prospectflow.errors import DomainError
from prospectflow.operations.embedded.oidc import subject_of
from prospectflow.operations.embedded.signing import key_file, sign_access_token
from prospectflow.operations.management.commands.embedded import refuse_unless_embedded
from prospectflow.tenancy.roles import ServingCommand

LIFETIME = timedelta(hours=1)


class Command(ServingCommand):
    """Exit 0 with nothing but the token on standard output, 2 where none can be given."""

    help = "Print an access token for the API of this laptop, good for an hour."

    def add_arguments(self, parser: CommandParser) -> None:
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("email", nargs="?", help="The person whom the token stands for.")
        whose.add_argument(
            "--client-id", metavar="ID", help="Or the program, by its service account's client id."
        )

    def handle(self, *, email: str | None, client_id: str | None, **options: Any) -> None:
        refuse_unless_embedded()
        if not settings.EMBEDDED_PROVIDER:
            raise CommandError(
                f"Its own sign-in provider gives this server's tokens: {settings.AUTH.issuer}.",
                returncode=2,
            )
        now = timezone.now()
        try:
            subject = client_id or subject_at(email or "", now)
            claims = claims_for(subject, settings.AUTH, machine=bool(client_id), now=now)
            token = sign_access_token(claims, key_file(settings.LOCAL_DIRECTORY))
        except (DomainError, Refusal) as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(token)


def subject_at(email: str, now: datetime) -> str:
    """The provider's subject of a person of ours, as their first sign-in would have it."""
    user = known_person(email)
    subject = user.cognito_sub or subject_of(user.email)
    identity = Identity(
        subject=subject,
        email=user.email,
        first_name="",
        last_name="",
        issued_at=now,
        expires_at=now + LIFETIME,
    )
    if person_of(identity)[0] != user:
        raise AddressTaken
    return subject


def claims_for(
    subject: str, auth: AuthConfiguration, *, machine: bool, now: datetime
) -> dict[str, Any]:
    """What an access token says (RFC 9068, section 2.2): everything is in its scope."""
    scopes = [auth.read_scope, auth.write_scope]
    return {
        "iss": auth.issuer,
        "aud": auth.api_audience,
        "sub": subject,
        "client_id": subject if machine else auth.client_id,
        "scope": " ".join(scopes if machine else [auth.person_scope, *scopes]),
        "iat": int(now.timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
        "jti": str(uuid4()),
    }
