"""What is counted as it happens: mails, drafts, rows of files, jobs. Nobody is named in it."""

from datetime import timedelta

import pytest
from django.db import OperationalError, transaction

from outreach.services import uploads
from outreach.tests.bringing import ADA, LATER, others
from outreach.tests.making import MORNING, make_due, make_open_campaign
from prospectflow import jobs, queue
from prospectflow.instruments import count_bucket
from prospectflow.monitoring.tests.reading import Metrics, Since
from prospectflow.queue.counting import counted
from prospectflow.queue.running import Stopped
from prospectflow.testing.factories import make_organisation, make_position, make_step

pytestmark = pytest.mark.usefixtures("committed")


# Mails ----------------------------------------------------------------------------------------
def sent(world, postbox, *answers):
    """What the counters say of one mail that the server answers so."""
    task, since = world.queue(), Since()
    postbox.answer("RCPT", *answers)
    jobs.send_from(world.organisation_id, world.mailbox_id, jobs.Shift("test", lambda: MORNING))
    labels = {
        "organisation_id": str(world.organisation_id),
        "campaign_id": str(task.campaign_id),
    }
    return {
        success: since("emails_sent_total", success=success, **labels)
        for success in ("true", "false")
    } | {
        outcome: since("prospectflow_mails_total", outcome=outcome)
        for outcome in ("accepted", "deferred", "rejected", "unknown")
    }


@pytest.mark.parametrize(
    ("answers", "counted"),
    [
        ((), {"true": 1, "accepted": 1}),
        (("550 5.1.1 No such user",), {"false": 1, "rejected": 1}),
        (("451 4.7.1 Greylisted",), {"false": 1, "deferred": 1}),
    ],
)
def test_a_mail_is_counted_by_what_became_of_it(world, postbox, answers, counted):
    nothing = dict.fromkeys(["true", "false", "accepted", "deferred", "rejected", "unknown"], 0)

    assert sent(world, postbox, *answers) == nothing | counted


def test_a_round_that_sends_nothing_counts_nothing(world):
    since = Since()
    shift = jobs.Shift("test", lambda: MORNING)

    assert jobs.send_from(world.organisation_id, world.mailbox_id, shift) is None
    assert since("prospectflow_mails_total") == 0


def test_no_label_names_a_person_or_an_address(world, postbox):
    with world.open() as mailbox:
        address = mailbox.address
    sent(world, postbox)
    text = Metrics.now().text

    for personal in ("@", address, "Lovelace", "Ada"):
        assert personal not in text


def test_the_outcomes_of_mails_are_there_before_the_first(world):
    found = {each.labels.get("outcome") for each in Metrics.now().samples} - {None}

    assert {"accepted", "deferred", "rejected", "unknown"} <= found


# Drafts ---------------------------------------------------------------------------------------
def test_drafts_are_counted_and_so_are_those_that_cannot_be_written(world):
    with world.open() as mailbox:
        campaign = make_open_campaign(mailbox)
        for template in ("Bonjour {{ first_name }}, une idée.", "{% for %}"):
            step = make_step(campaign, step_index=len(template), body_template=template)
            make_due(campaign, workflow_step=step, position=make_position())
    since = Since()
    jobs.write_due_drafts(world.organisation_id, now=MORNING, ahead=timedelta(hours=1), limit=9)
    organisation = {"organisation_id": str(world.organisation_id)}

    assert since("drafts_generated_total", success="true", **organisation) == 1
    assert since("drafts_generated_total", success="false", **organisation) == 1


# Files ----------------------------------------------------------------------------------------
def test_rows_of_files_are_counted_as_they_are_validated_and_imported(bringing):
    since, rows = Since(), {"organisation_id": str(bringing.organisation_id)}
    checked = bringing.validated(bringing.receive(*others(2)))

    assert since("prospects_processed_total", action="validated", **rows) == 2
    assert since("prospects_processed_total", action="imported", **rows) == 0

    bringing.imported(checked)

    assert since("prospects_processed_total", action="imported", **rows) == 2


def test_duplicates_are_counted_and_the_look_for_them_timed(bringing):
    since = Since()
    bringing.validated(bringing.receive(ADA, ADA, ADA))

    assert since("duplicate_checks_total") == 1
    assert since("duplicates_detected_total") == 2
    timed = "duplicate_check_duration_seconds_count"
    assert since(timed, email_count_bucket="1-10") == 1


def test_letting_known_people_in_all_the_same_is_counted(bringing):
    with bringing.open():
        campaign = make_open_campaign()
        make_step(campaign)
    checked = bringing.validated(bringing.receive(ADA, campaign=campaign))
    since = Since()
    with bringing.open():
        uploads.allow_contacted(checked, at=LATER, user=None)

    assert since("duplicate_overrides_total") == 1


@pytest.mark.parametrize(
    ("number", "bucket"),
    [(0, "1-10"), (10, "1-10"), (11, "11-50"), (50, "11-50"), (100, "51-100"), (101, "100+")],
)
def test_a_number_of_addresses_has_its_bucket(number, bucket):
    assert count_bucket(number) == bucket


# Jobs -----------------------------------------------------------------------------------------
def test_a_deferred_job_is_counted_once_it_is_committed():
    since, organisation = Since(), make_organisation().pk
    with transaction.atomic():
        queue.defer("prospectflow.look_after", organisation_id=organisation)
        transaction.set_rollback(True)
    assert since("queue_messages_total", queue="upkeep", action="deferred") == 0

    with transaction.atomic():
        queue.defer("prospectflow.look_after", organisation_id=organisation)
        queue.defer("prospectflow.look_after", organisation_id=organisation)  # waits already

    assert since("queue_messages_total", queue="upkeep", action="deferred") == 1


@pytest.mark.parametrize(
    ("error", "action", "success"),
    [
        (None, "succeeded", "true"),
        (ZeroDivisionError, "failed", "false"),
        (Stopped, "put_back", "false"),
        (OperationalError, "put_back", "false"),
    ],
)
def test_a_job_is_counted_by_its_end_and_timed(error, action, success):
    since = Since()
    ended(error)

    assert since("queue_messages_total", queue="upkeep", action=action) == 1
    seconds = "queue_processing_duration_seconds_count"
    assert since(seconds, queue="upkeep", success=success) == 1


def ended(error):
    """A job that ends so."""
    if error is None:
        with counted("upkeep"):
            return
    with pytest.raises(error), counted("upkeep"):
        raise error
