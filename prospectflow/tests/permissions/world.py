"""Two organisations, one row of every table, and everybody who could knock at a door."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from iam.models import Membership, Organisation, Role, User
from iam.roles import CAPABILITIES, OPERATOR, PERSONAL
from iam.services import invite, visit
from iam.sessions import SessionStore
from outreach.models import ImportUpload
from prospectflow.console.tests.cast import inside_as, make_row
from prospectflow.tenancy.context import tenant
from prospectflow.testing import rows
from prospectflow.testing.api import ApiClient, api_client, caller, machine_client
from prospectflow.testing.factories import make_organisation, make_user
from prospectflow.tests.permissions.routes import API_ROUTES

ROLES = {
    "owner": Role.OWNER,
    "admin": Role.ADMIN,
    "member": Role.MEMBER,
    "viewer": Role.VIEWER,
    "operator": OPERATOR,
    "stranger": Role.OWNER,  # of the other organisation
}
PROGRAMS = {
    "program as admin": Role.ADMIN,
    "program as member": Role.MEMBER,
    "program as viewer": Role.VIEWER,
}
PLACELESS_TOKEN, PLACELESS_SESSION = "without organisation, token", "without organisation, browser"
ANONYMOUS = "anonymous"
AT_THE_API = [*ROLES, *PROGRAMS, PLACELESS_TOKEN, PLACELESS_SESSION, ANONYMOUS]
AT_THE_CONSOLE = [*ROLES, PLACELESS_SESSION, ANONYMOUS]
IDS = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
WRITES = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables"


class Browser(Client):
    """A client that keeps no copy of what templates were told: most of a page's time in tests."""

    def request(self, **request: Any) -> Any:
        answer = self.handler(self._base_environ(**request))
        self.cookies.update(answer.cookies)
        return answer


def has(name: str, capability: str) -> bool:
    """Whether iam's table gives the capability, or what "and" and "or" make of several, to them."""
    for word, agree in ((" or ", any), (" and ", all)):
        if word in capability:
            return agree(has(name, each) for each in capability.split(word))
    role = ROLES.get(name) or PROGRAMS.get(name)
    program_may = name not in PROGRAMS or capability not in PERSONAL
    return role in CAPABILITIES[capability] and program_may


@contextmanager
def undone() -> Iterator[None]:
    """What happens here is taken back; scopes may be opened inside, as in a TestCase."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield
        transaction.set_rollback(True)


def writes() -> int:
    """How many rows this transaction tried to write so far, what was taken back included."""
    with connection.cursor() as cursor:
        cursor.execute(WRITES)
        return int(cursor.fetchone()[0])


class World:
    """Acme with everything in it, Other Ltd, and people; nothing of it is ever committed."""

    def __init__(self) -> None:
        self.acme = make_organisation(name="Acme", slug="acme")
        self.other = make_organisation(name="Other Ltd", slug="other")
        self.rows: dict[type[Model], Any] = {}
        self.api: dict[str, Client] = {role.value: api_client(role, self.acme) for role in (*Role,)}
        self.api |= {name: machine_client(role, self.acme) for name, role in PROGRAMS.items()}
        self.api["stranger"] = api_client(Role.OWNER, self.other)
        self.users = _owner_of(self.other) | _people_of(self.acme)
        self.users["operator"] = make_user(is_staff=True)
        self.users[PLACELESS_SESSION] = nobodys = make_user(cognito_sub="nobodys")
        self.api[PLACELESS_TOKEN] = ApiClient(caller("nobodys"), self.acme)
        self.users[PLACELESS_TOKEN] = nobodys
        now = timezone.now()
        visit(self.users["operator"], self.acme, reason="Asked to", length=timedelta(1), at=now)
        with tenant(self.acme.pk):  # no file is there without its profile
            self.rows[ImportUpload] = rows.make_row(ImportUpload, profile="generic")
        for model in admin.site._registry:
            self.row(model)
        with tenant(self.acme.pk):
            self.invited = invite("invited@example.com", Role.MEMBER, at=now)

    def row(self, model: type[Model]) -> Any:
        """Acme's row of this table."""
        if model is Organisation:
            return self.acme
        if model not in self.rows:
            with tenant(self.acme.pk):
                self.rows[model] = make_row(model)
        return self.rows[model]

    def variable(self, name: str, path: str) -> str:
        """What stands for the variable of an address of the API: a row of Acme, or a session."""
        if path.startswith("me/sessions/"):
            return self.another_session(name)
        if path.startswith("invitations/"):
            return str(self.invited.pk)
        return str(self.row(API_ROUTES[path].view.cls.queryset.model).pk)  # type: ignore[attr-defined]

    @property
    def ids(self) -> frozenset[str]:
        """By what Acme's rows could be recognised."""
        return frozenset(str(row.pk) for row in [self.acme, self.invited, *self.rows.values()])

    def program(self, name: str) -> Client:
        """How this one asks the API: with a token, or with the session of a browser."""
        if name == ANONYMOUS:
            return Client()
        return self.api[name] if name in self.api else self.browser(name)

    def browser(self, name: str) -> Client:
        """How this one asks the console: signed in, inside an organisation if there is one."""
        if name == ANONYMOUS:
            return Browser()
        client, key = Browser(), self._session(name)
        if not SessionStore(key).exists(key):  # ended by what was tried before
            self._session.cache_clear()
            key = self._session(name)
        client.cookies[settings.SESSION_COOKIE_NAME] = key
        return client

    @cache  # noqa: B019 - the world lives as long as its module
    def _session(self, name: str) -> str:
        user = self.users[name]
        if name != PLACELESS_SESSION:
            place = self.other if name == "stranger" else self.acme
            return str(inside_as(user, place).session.session_key)
        client = Client()
        client.force_login(user)
        return str(client.session.session_key)

    def another_session(self, name: str) -> str:
        """The id of one more session of this person, as they read it."""
        user: User | None = self.users.get(name)
        if user is None:
            return "0" * 64
        client = Client()
        client.force_login(user)
        return str(client.session.public_id)

    def leaks(self, text: str) -> bool:
        """Whether the text names a row of Acme."""
        return not self.ids.isdisjoint(IDS.findall(text))


def _people_of(organisation: Organisation) -> dict[str, User]:
    with tenant(organisation.pk):
        return {each.role: each.user for each in Membership.objects.select_related("user")}


def _owner_of(organisation: Organisation) -> dict[str, User]:
    return {"stranger": _people_of(organisation)[Role.OWNER]}
