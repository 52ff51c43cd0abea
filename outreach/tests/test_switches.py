"""Stopping all sending, of one organisation and of all, and letting it go on."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from iam.models import AuditEvent, Organisation
from outreach.models import Platform
from outreach.services.policy import may_send
from outreach.services.switches import (
    ReasonNeeded,
    closed_everywhere,
    closed_switches,
    is_restored,
    resume_organisation,
    resume_platform,
    stop_organisation,
    stop_platform,
)
from outreach.tests.making import MORNING, make_ready
from outreach.tests.postbox import World
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_organisation, make_user

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
WHY = "A wrong price stands in the mails."


def codes(switches) -> list[str]:
    return [switch.code for switch in switches]


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("sending", *arguments, stdout=out)
    return out.getvalue().strip()


def refusal(*arguments: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as refused:
        said(*arguments)
    return refused.value.returncode, str(refused.value)


def no_mail_leaves(*arguments: str) -> str:
    """What `status` says where nothing leaves; no error, but an exit code that programs see."""
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("sending", "status", *arguments, stdout=out)
    assert ended.value.code == 1
    return out.getvalue()


def test_nothing_is_closed_until_somebody_closes_it(inside):
    assert closed_switches() == closed_everywhere() == []
    assert not is_restored()


def test_a_stopped_organisation_says_why_and_since_when(inside):
    assert stop_organisation(reason=WHY, at=NOON)

    (switch,) = closed_switches()
    assert switch.code == "organisation_stopped"
    assert switch.sentence == (
        "All sending of this organisation is stopped: A wrong price stands in the mails."
    )
    assert switch.since == NOON


def test_stopping_twice_changes_nothing_and_the_first_reason_stands(inside):
    stop_organisation(reason=WHY, at=NOON)

    assert not stop_organisation(reason="Another.", at=NOON + timedelta(hours=1))

    (switch,) = closed_switches()
    assert WHY.rstrip(".") in switch.sentence
    assert switch.since == NOON
    assert AuditEvent.objects.filter(action="stopped").count() == 1


def test_resuming_twice_changes_nothing(inside):
    stop_organisation(reason=WHY, at=NOON)

    assert resume_organisation(at=NOON)
    assert not resume_organisation(at=NOON)

    assert closed_switches() == []
    assert AuditEvent.objects.filter(action="resumed").count() == 1


@pytest.mark.parametrize("nothing", ["", "  \n", "."])
def test_nobody_stops_anything_without_a_reason(inside, nothing):
    for stop in (stop_organisation, stop_platform):
        with pytest.raises(ReasonNeeded):
            stop(reason=nothing, at=NOON)

    assert closed_switches() == []


def test_a_reason_of_several_lines_is_kept_on_one_and_short(inside):
    stop_organisation(reason="Wrong\nprice. " + "x" * 900, at=NOON)

    reason = Organisation.objects.get(pk=inside.pk).sending_stopped_reason
    assert reason.startswith("Wrong price. x")
    assert len(reason) == 500


def test_the_trail_says_who_stopped_it_why_and_who_let_it_go_on(inside):
    ada = make_user(email="ada@example.com")

    stop_organisation(reason=WHY, at=NOON, user=ada)
    resume_organisation(reason="Mended.", at=NOON + timedelta(hours=1), user=ada)

    told = AuditEvent.objects.filter(action__in=["stopped", "resumed"]).order_by("at")
    assert [(e.action, e.user, e.object_type, e.description) for e in told] == [
        ("stopped", ada, "iam.organisation", f"All sending: {WHY.rstrip('.')}"),
        ("resumed", ada, "iam.organisation", "All sending: Mended"),
    ]


def test_one_organisation_that_stops_stops_no_other(organisation, other_organisation):
    with tenant(organisation.pk):
        stop_organisation(reason=WHY, at=NOON)

    with tenant(other_organisation.pk):
        assert closed_switches() == []


def test_the_platform_stops_every_organisation(organisation, other_organisation):
    assert stop_platform(reason=WHY, at=NOON)
    assert not stop_platform(reason=WHY, at=NOON)

    for each in (organisation, other_organisation):
        with tenant(each.pk):
            assert codes(closed_switches()) == ["platform_stopped"]
    assert resume_platform(at=NOON)
    assert not resume_platform(at=NOON)
    assert closed_everywhere() == []


def test_a_database_with_the_mark_of_another_is_taken_for_a_copy(inside):
    Platform.objects.update(database_mark="1:2:3")

    assert codes(closed_switches()) == codes(closed_everywhere()) == ["restored"]
    assert is_restored()


def test_the_policy_names_every_switch(inside):
    task = make_ready()
    stop_organisation(reason=WHY, at=NOON)
    stop_platform(reason=WHY, at=NOON)
    Platform.objects.update(database_mark="1:2:3")

    found = {reason.code for reason in may_send(task, now=MORNING)}

    assert {"restored", "platform_stopped", "organisation_stopped"} <= found


def test_no_mail_leaves_while_anything_is_stopped_and_the_same_mail_leaves_afterwards(
    world: World, postbox
):
    task = world.queue()
    with world.open():
        stop_organisation(reason=WHY, at=MORNING)
    assert world.send(MORNING) is None
    with world.open():
        resume_organisation(at=MORNING)
    stop_platform(reason=WHY, at=MORNING)
    assert world.send(MORNING) is None
    assert postbox.seen == []
    resume_platform(at=MORNING)

    world.send(MORNING + timedelta(hours=1))

    assert world.state(task)[0].status == "sent"
    assert len(postbox.mails) == 1


@pytest.fixture
def acme(committed) -> Organisation:
    return make_organisation(name="Acme", slug="acme")


def test_the_command_stops_and_resumes_one_organisation(acme):
    assert said("stop", "--organisation", "acme", "--reason", WHY) == (
        "All sending of Acme is stopped."
    )
    assert "No mail leaves." in no_mail_leaves("--organisation", "acme")
    assert said("status") == "Mails may leave, but not of: acme."
    assert said("stop", "--organisation", "acme", "--reason", "x") == (
        "All sending of Acme was stopped already: the first reason stands."
    )
    assert said("resume", "--organisation", "acme") == "Mails of Acme may leave again."
    assert said("resume", "--organisation", "acme") == "Sending of Acme was not stopped."
    assert said("status") == said("status", "--organisation", "acme") == "Mails may leave."


def test_the_command_stops_and_resumes_everything(acme):
    assert said("stop", "--reason", WHY) == "All sending of every organisation is stopped."
    assert no_mail_leaves() == no_mail_leaves("--organisation", "acme")
    assert WHY.rstrip(".") in no_mail_leaves()
    assert said("resume") == "Mails of every organisation may leave again."


def test_resuming_says_what_still_keeps_mails_from_leaving(acme):
    Platform.objects.update(database_mark="1:2:3")

    assert "manage.py confirm_restore" in said("resume", "--organisation", "acme")


def test_the_command_refuses_in_a_sentence(acme):
    assert refusal("stop") == (2, ReasonNeeded.__doc__)
    assert refusal("stop", "--organisation", "nobody", "--reason", WHY) == (
        2,
        'There is no organisation "nobody": check the slug on its page in the console.',
    )
    assert closed_everywhere() == []
