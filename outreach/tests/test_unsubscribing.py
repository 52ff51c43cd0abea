"""The one-click way out through its real address (RFC 8058): at once, for good, for everything."""

import pytest
from django.conf import settings
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from outreach.models import Enrollment, Mailbox, Message, Suppression, Task
from outreach.services.approval import UNSUBSCRIBE
from outreach.services.policy import may_send
from outreach.services.sending import send_next
from outreach.services.suppressing import suppression_of
from outreach.states import TaskStatus
from outreach.tests.conversing import LATER, make_sent, make_two_steps, state_of
from outreach.tests.making import MORNING, make_ready
from outreach.tokens import token
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.middleware import SESSION_KEY
from prospectflow.testing.factories import make_organisation, make_position, make_user

pytestmark = pytest.mark.usefixtures("committed")

ADA = "ada@a.example.com"
FORM = {"List-Unsubscribe": "One-Click"}
BODIES = {
    "urlencoded": (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
    "multipart": (encode_multipart(BOUNDARY, FORM), MULTIPART_CONTENT),
    "broken multipart": (b"--nothing", MULTIPART_CONTENT),
    "empty": (b"", "application/x-www-form-urlencoded"),
    "nothing known": (b"\x00\xff", "application/octet-stream"),
}


@pytest.fixture
def owner():
    return make_user()


@pytest.fixture
def acme(owner):
    return make_organisation(owner=owner)


@pytest.fixture
def sent(acme):
    with tenant(acme.pk):
        return make_sent(email=ADA)


@pytest.fixture
def stranger():
    """A mail program: no cookies, and CSRF is checked wherever it is not excused."""
    return Client(enforce_csrf_checks=True)


def way_out(sent):
    return f"/u/{token(UNSUBSCRIBE, sent.task_id)}"


def post(client, path, body="urlencoded"):
    data, content_type = BODIES[body]
    return client.generic("POST", path, data, content_type)


def everything(organisation):
    with tenant(organisation.pk):
        rows = [
            list(model.objects.order_by("id").values())
            for model in (Enrollment, Task, Suppression, Message)
        ]
    for mail in rows[3]:
        mail["raw"] = bytes(mail["raw"] or b"")
        mail["unsubscribe_digest"] = bytes(mail["unsubscribe_digest"] or b"")
    return rows


def test_the_address_in_the_mail_is_the_one_that_works(acme, sent):
    assert f"<{settings.PUBLIC_URL}{way_out(sent)}>".encode() in bytes(sent.raw)
    assert way_out(sent) in sent.body_text


@pytest.mark.parametrize("body", BODIES)
def test_one_post_suppresses_at_once_whatever_its_body(acme, sent, stranger, body):
    response = post(stranger, way_out(sent), body)

    assert response.status_code == 200
    assert not response.has_header("Location")
    assert not response.cookies
    with tenant(acme.pk):
        assert suppression_of(ADA).reason == "unsubscribed"
        assert state_of(sent) == "unsubscribed"
        assert not Task.objects.open().exists()


def test_it_counts_for_every_campaign_of_the_organisation(acme, sent, stranger):
    with tenant(acme.pk):
        other = make_two_steps(Mailbox.objects.get())
        task = make_ready(other, position=make_position(email=ADA))
        bystander = make_ready(other)

    post(stranger, way_out(sent))

    with tenant(acme.pk):
        states = dict(Task.objects.values_list("pk", "status"))
        assert (states[task.pk], states[bystander.pk]) == ("cancelled", "scheduled")
        assert state_of(task) == "unsubscribed"


def test_other_organisations_may_go_on(acme, sent, stranger):
    other = make_organisation()
    with tenant(other.pk):
        theirs = make_sent(email=ADA)

    post(stranger, way_out(sent))

    with tenant(other.pk):
        assert state_of(theirs) == "active"
        assert suppression_of(ADA) is None


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_nothing(acme, sent, stranger, method):
    before = everything(acme)

    response = getattr(stranger, method)(way_out(sent))

    assert response.status_code == 200
    assert not response.cookies
    assert everything(acme) == before


def test_the_page_offers_one_button_to_the_same_address(sent, stranger):
    page = stranger.get(way_out(sent)).content.decode()

    assert page.count("<button") == page.count('<form method="post">') == 1


def test_a_second_post_changes_nothing_more(acme, sent, stranger):
    first = post(stranger, way_out(sent))
    before = everything(acme)

    second = post(stranger, way_out(sent))

    assert (second.status_code, second.content) == (200, first.content)
    assert everything(acme) == before


@pytest.mark.parametrize("method", ["get", "head", "post"])
@pytest.mark.parametrize("unknown", ["x", "A" * 22, "A" * 5000, "%00%ff", "é"])
def test_an_unknown_token_gets_the_same_answer(acme, sent, stranger, method, unknown):
    known = getattr(stranger, method)(way_out(sent))
    before = everything(acme)

    other = getattr(stranger, method)(f"/u/{unknown}")

    assert (other.status_code, other.content) == (known.status_code, known.content)
    for answer in (known, other):
        del answer.headers["X-Request-ID"]  # each request's own, whatever it asked for
    assert dict(other.headers) == dict(known.headers)
    assert everything(acme) == before


def test_a_token_of_another_purpose_opens_nothing(acme, sent, stranger):
    before = everything(acme)

    post(stranger, f"/u/{token('open', sent.task_id)}")

    assert everything(acme) == before


def test_it_works_for_a_signed_in_operator_who_entered_an_organisation(owner, acme, sent, client):
    client.force_login(owner)
    session = client.session
    session[SESSION_KEY] = str(acme.pk)
    session.save()

    assert client.get(way_out(sent)).status_code == 200
    assert post(client, way_out(sent)).status_code == 200

    with tenant(acme.pk):
        assert state_of(sent) == "unsubscribed"


@pytest.mark.parametrize("tail", ["", "/"])
@pytest.mark.parametrize("method", ["get", "head", "post"])
def test_it_is_never_redirected(acme, sent, stranger, method, tail):
    response = getattr(stranger, method)(way_out(sent) + tail)

    assert response.status_code == 200
    with tenant(acme.pk):
        assert (state_of(sent) == "unsubscribed") == (method == "post")


def test_it_is_never_sent_on_to_https(sent, stranger, settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_REDIRECT_EXEMPT = [r"^u/", r"^t/"]

    assert Client().get("/").status_code == 301
    assert post(Client(), way_out(sent)).status_code == 200


def test_other_methods_are_refused(sent, stranger):
    assert stranger.put(way_out(sent)).status_code == 405


def test_a_task_planned_all_the_same_does_not_leave(acme, sent, stranger):
    """As when another worker had planned it meanwhile: the policy asks last."""
    post(stranger, way_out(sent))
    with tenant(acme.pk):
        campaign = make_two_steps(Mailbox.objects.get())
        task = make_ready(campaign, position=make_position(email=ADA))
        assert "suppressed" in [each.code for each in may_send(task, now=MORNING)]

    left = send_next(acme.pk, sent.mailbox_id, now=LATER, worker="test")

    assert left is None
    with tenant(acme.pk):
        assert Task.objects.get(pk=task.pk).status == TaskStatus.CANCELLED
        assert Message.objects.outbound().count() == 1
