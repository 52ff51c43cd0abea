"""A request is served inside the organisation its person entered, all of it or nothing."""

from uuid import uuid4

import pytest
from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import Client
from django.urls import path

from crm.models import Company
from iam.models import Membership, MembershipStatus
from iam.services import move_membership
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.middleware import SESSION_KEY
from prospectflow.testing.factories import NOON, make_company, make_organisation, make_user

pytestmark = [pytest.mark.urls(__name__), pytest.mark.usefixtures("pooled", "committed")]


def write_and_answer(request, status):
    make_company(name="Half done")
    return HttpResponse(status=status)


def write_and_raise(request):
    make_company(name="Half done")
    raise ZeroDivisionError


def cut_off():
    """End the session in the database, as an administrator would."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def write_and_be_cut_off(request):
    make_company(name="Half done")
    cut_off()


def be_cut_off_while_rendered(request):
    make_company(name="Half done")
    page = engines["django"].from_string("{{ anything }}")
    return TemplateResponse(request, page, {"anything": cut_off})


def ask_too_much(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT repeat('x', 2000000000)")


def list_names(request):
    return HttpResponse(", ".join(Company.objects.values_list("name", flat=True)))


def whoami(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.user_id', true)")
        return HttpResponse(cursor.fetchone()[0])


urlpatterns = [
    path("write/<int:status>", write_and_answer),
    path("raise", write_and_raise),
    path("cut-off", write_and_be_cut_off),
    path("cut-off-while-rendered", be_cut_off_while_rendered),
    path("too-much", ask_too_much),
    path("api/plain", write_and_be_cut_off),
    path("names", list_names),
    path("whoami", whoami),
]


@pytest.fixture
def person():
    return make_user()


@pytest.fixture
def acme(person):
    return make_organisation(owner=person)


@pytest.fixture
def visit(person):
    """Ask for a page as this person, having entered an organisation."""

    def visit(url, organisation_id=None):
        client = Client(raise_request_exception=False)
        client.force_login(person)
        if organisation_id:
            session = client.session
            session[SESSION_KEY] = str(organisation_id)
            session.save()
        return client.get(url)

    return visit


def companies(organisation):
    with tenant(organisation.pk):
        return Company.objects.count()


def test_what_an_answered_request_wrote_is_kept(visit, acme):
    assert visit("/write/200", acme.pk).status_code == 200
    assert companies(acme) == 1


def test_a_view_that_raises_leaves_nothing_half_done(visit, acme):
    assert visit("/raise", acme.pk).status_code == 500
    assert companies(acme) == 0


@pytest.mark.parametrize("url", ["/cut-off", "/cut-off-while-rendered"])
def test_a_page_whose_session_is_killed_says_so_in_a_sentence_and_the_next_is_served(
    visit, acme, url
):
    answer = visit(url, acme.pk)

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer["Content-Type"].startswith("text/html")
    assert "<p>The database is busy or away: try again shortly.</p>" in answer.text
    assert companies(acme) == 0
    assert visit("/write/200", acme.pk).status_code == 200


def test_a_program_whose_session_is_killed_is_told_by_a_code(visit, acme):
    answer = visit("/api/plain", acme.pk)

    assert (answer.status_code, answer.json()["code"]) == (503, "TRY_AGAIN")


def test_what_postgresql_will_never_do_is_not_to_be_tried_again(visit, acme):
    assert visit("/too-much", acme.pk).status_code == 500


@pytest.mark.parametrize("status", [400, 403, 409, 500])
def test_an_error_answer_leaves_nothing_half_done(visit, acme, status):
    assert visit(f"/write/{status}", acme.pk).status_code == status
    assert companies(acme) == 0


def test_one_sees_the_entered_organisation_and_no_other(visit, person, acme):
    second = make_organisation(owner=person)
    with tenant(acme.pk):
        make_company(name="Of Acme")
    with tenant(second.pk):
        make_company(name="Of the second")

    assert visit("/names", second.pk).content == b"Of the second"


def test_the_person_travels_along(visit, person, acme):
    assert visit("/whoami", acme.pk).content.decode() == str(person.pk)


def test_whoever_entered_nothing_touches_nothing(visit, acme):
    client = Client()
    with pytest.raises(DatabaseError, match="app.organisation_id is not set"):
        client.get("/names")
    assert visit("/names").status_code == 500


@pytest.mark.parametrize("whose", ["nobody's", "a stranger's"])
def test_an_organisation_one_is_no_member_of_is_not_entered(visit, whose):
    organisation_id = uuid4() if whose == "nobody's" else make_organisation().pk

    assert visit("/names", organisation_id).status_code == 500


def test_an_ended_membership_ends_at_the_next_request(visit, person):
    other = make_organisation()
    with tenant(other.pk):
        membership = Membership.objects.create(user=person)
    assert visit("/names", other.pk).status_code == 200

    with tenant(other.pk):
        move_membership(membership, MembershipStatus.DISABLED, at=NOON)
    assert visit("/names", other.pk).status_code == 500
