"""Organisations whose rows bear their mark, and the people who ask for them."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.test import Client

from iam.models import Membership, Role, User
from iam.tests.auth.publisher import Publisher, rfc9068_claims, signed
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.middleware import SESSION_KEY
from prospectflow.testing.factories import (
    make_campaign,
    make_company,
    make_organisation,
    make_person,
    make_position,
    make_step,
    make_user,
)
from tracking.models import DailyStats

ORGANISATIONS, COMPANIES = 20, 12


@dataclass
class Member:
    """Who asks on behalf of one organisation: by a token, or from a browser."""

    number: int
    organisation_id: UUID
    slug: str
    token: str
    cookie: str
    companies: list[str] = field(default_factory=list)
    campaign: str = ""

    @property
    def mark(self) -> str:
        """What stands in each of the organisation's texts, and in no other's."""
        return mark(self.number)


def mark(number: int) -> str:
    return f"Mark{number:02}x"


def make_cast(publisher: Publisher) -> list[Member]:
    """A member of each organisation; each second one's person also belongs to the next."""
    people = [make_user(cognito_sub=f"load-{number}") for number in range(ORGANISATIONS)]
    cast = [_member(number, person, publisher) for number, person in enumerate(people)]
    for member in cast[::2]:
        with tenant(cast[member.number + 1].organisation_id):
            Membership.objects.create(user=people[member.number], role=Role.ADMIN)
    return cast


def _member(number: int, person: User, publisher: Publisher) -> Member:
    slug = f"load-{number:02}"
    organisation = make_organisation(owner=person, slug=slug)
    cookie = _browser(person, organisation.pk)
    member = Member(number, organisation.pk, slug, _token(person, publisher), cookie)
    with tenant(organisation.pk):
        _fill(member)
    return member


def _fill(member: Member) -> None:
    for each in range(COMPANIES):
        company = make_company(name=f"{member.mark} {each}")
        person = make_person(last_name=member.mark)
        make_position(company=company, person=person, job_title=member.mark)
        member.companies.append(str(company.pk))
    step = make_step(make_campaign(name=member.mark))
    member.campaign = str(step.campaign_id)
    DailyStats.objects.create(
        campaign=step.campaign,
        workflow_step=step,
        day=date(2026, 11, 1),
        sent=1000 + member.number,
    )


def _token(person: User, publisher: Publisher) -> str:
    now = datetime.now(UTC)
    lasts = {"iat": int(now.timestamp()), "exp": int((now + timedelta(hours=2)).timestamp())}
    return signed(rfc9068_claims(publisher.issuer, sub=person.cognito_sub, **lasts), typ="at+jwt")


def _browser(person: User, organisation_id: UUID) -> str:
    client = Client()
    client.force_login(person)
    session = client.session
    session[SESSION_KEY] = str(organisation_id)
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def stranger_to(member: Member, cast: list[Member], chance: random.Random) -> Member:
    """Somebody of an organisation to which this person does not belong."""
    near = {member.number, member.number + 1}
    return chance.choice([each for each in cast if each.number not in near])
