"""What waits and why, as the console shows it, and a mail that is kept from leaving."""

import pytest
from django.urls import reverse

from outreach.models import Campaign, Enrollment, Task
from outreach.tests.making import fresh, make_due, make_open_campaign, make_ready
from prospectflow.console.tests.cast import signed_in
from prospectflow.tenancy.context import tenant


@pytest.fixture
def owner(organisation):
    return signed_in(organisation)


@pytest.fixture
def task(organisation):
    with tenant(organisation.pk):
        return make_due(make_open_campaign())


def page_of(task):
    return reverse("console:outreach_task_change", args=[task.pk])


def test_a_task_tells_every_reason_and_the_hours_on_the_readers_clock(owner, organisation, task):
    with tenant(organisation.pk):
        Task.objects.update(scheduled_for="2031-07-01T08:30:00Z")

    text = owner.get(page_of(task)).text

    assert "The mail is not written yet." in text
    assert "Tue 1 Jul 2031, 10:30" in text  # in Paris
    assert "Lifts: once it is written." in text
    assert "before what has no date is over" in text


def test_a_task_that_only_waits_for_its_hour_tells_when_it_may_leave(owner, organisation):
    with tenant(organisation.pk):
        task = make_ready()
        Task.objects.update(scheduled_for="2031-07-01T08:30:00Z")

    text = owner.get(page_of(task)).text

    assert "It may leave on <b>Tue 1 Jul 2031, 10:30</b> at the earliest." in text


def test_an_enrolment_explains_its_next_mail(owner, organisation, task):
    text = owner.get(reverse("console:outreach_enrollment_change", args=[task.enrollment_id])).text

    assert "The mail is not written yet." in text
    with tenant(organisation.pk):
        Task.objects.update(status="cancelled")
    text = owner.get(reverse("console:outreach_enrollment_change", args=[task.enrollment_id])).text
    assert "Nothing is to be sent." in text


def test_a_campaign_tells_what_waits_and_why(owner, organisation, task):
    with tenant(organisation.pk):
        make_due(task.campaign)

    text = owner.get(reverse("console:campaign_waiting", args=[task.campaign_id])).text

    assert "Something holds back each of the 2." in text
    assert "The mail is not written yet." in text
    assert "once it is written" in text
    assert "status__exact=scheduled" in text


def test_what_never_lifts_is_told_to_be_so(owner, organisation, task):
    with tenant(organisation.pk):
        Enrollment.objects.update(state="replied")

    text = owner.get(reverse("console:campaign_waiting", args=[task.campaign_id])).text
    assert '<span class="pf-subtle">never</span>' in text
    assert "It never leaves." in owner.get(page_of(task)).text


def test_what_a_person_has_to_lift_is_told_to_be_so(owner, organisation, task):
    with tenant(organisation.pk):
        Campaign.objects.update(status="paused")

    text = owner.get(reverse("console:campaign_waiting", args=[task.campaign_id])).text
    assert "once somebody acts" in text


def test_a_campaign_in_which_nothing_waits_says_so(owner, organisation):
    with tenant(organisation.pk):
        campaign = make_open_campaign()

    text = owner.get(reverse("console:campaign_waiting", args=[campaign.pk])).text

    assert "No mail waits." in text


def test_a_mail_is_kept_from_leaving_with_a_reason(owner, organisation, task):
    page = reverse("console:task_cancel", args=[task.pk])
    assert page in owner.get(page_of(task)).text
    assert "Say why" in owner.post(page, {"reason": " "}).text

    answer = owner.post(page, {"reason": "A customer by now."}, follow=True)

    assert "The mail is cancelled." in answer.text
    assert "A customer by now." in answer.text
    assert page not in answer.text
    with tenant(organisation.pk):
        assert fresh(task).status == "cancelled"


def test_a_mail_that_left_meanwhile_is_not_cancelled(owner, organisation, task):
    with tenant(organisation.pk):
        Task.objects.update(status="sent")

    answer = owner.post(
        reverse("console:task_cancel", args=[task.pk]), {"reason": "Stop."}, follow=True
    )

    assert "This mail is sent" in answer.text
    with tenant(organisation.pk):
        assert fresh(task).status == "sent"


@pytest.mark.parametrize("status", ["deferred", "leased", "unknown"])
def test_tasks_are_listed_by_each_of_their_states(owner, organisation, task, status):
    with tenant(organisation.pk):
        make_due(task.campaign)
        Task.objects.filter(pk=task.pk).update(status=status, leased_until="2031-07-01T08:30:00Z")

    text = owner.get(reverse("console:outreach_task_changelist"), {"status__exact": status}).text

    assert page_of(task) in text
    assert text.count('name="_selected_action"') == 1
