"""Many mails over one connection: each still at most once, and none after a stop."""

from datetime import timedelta
from email.errors import HeaderParseError
from threading import Event, Thread

import pytest
from django.db import connection

from outreach.models import Campaign, Enrollment, Mailbox, Message, Task
from outreach.services.campaigns import pause
from outreach.services.sending import deciding, lease, send_batch
from outreach.services.stopping import opt_out, pause_until
from outreach.services.suppressing import suppress_domain
from outreach.services.switches import stop_organisation, stop_platform
from outreach.tests.making import MORNING, make_open_campaign, make_ready
from outreach.tests.postbox import World
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_company, make_position

MINUTE = timedelta(minutes=1)
HARD, BLOCKED = "550 5.1.1 User unknown", "554 5.7.1 Blocked: your reputation is poor"


@pytest.fixture(params=[True, False], ids=["in-groups", "one-by-one"])
def world(committed, postbox, request):
    """An organisation whose mailbox keeps no pace; its server takes commands in groups, or not."""
    postbox.offers_pipelining = request.param
    return World(postbox, pace_min_seconds=0, pace_max_seconds=0)


def send(world, at=MORNING, **options):
    options = {"clock": lambda: at, "worker": "test"} | options
    return send_batch(world.organisation_id, world.mailbox_id, **options)


def after(postbox, stage, act, *, mails=1):
    """Do this once, as another process would, when so many mails have come to this stage."""
    seen = []

    def hook(server, envelope):
        seen.append(stage)
        if len(seen) == mails:
            act()
            connection.close()

    postbox.hooks[stage] = hook


def states(world, tasks):
    with world.open():
        found = dict(Task.objects.values_list("pk", "status"))
    return [found[task.pk] for task in tasks]


def test_what_is_due_leaves_in_order_over_one_connection_and_goes_on(world, postbox):
    tasks = world.queue(count=5, steps=2)
    greetings = []
    postbox.hooks["EHLO"] = lambda server, envelope: greetings.append(1)

    messages = send(world)

    assert [message.status for message in messages] == ["sent"] * 5
    assert [message.task_id for message in messages] == [task.pk for task in tasks]
    assert [raw for _, raw in postbox.mails] == [bytes(message.raw) for message in messages]
    assert greetings == [1]
    assert states(world, tasks) == ["sent"] * 5
    assert all(world.follow_up_of(task).scheduled_for > MORNING for task in tasks)
    with world.open():
        kept = Message.objects.get(task=tasks[0])
        assert (kept.status, kept.answer_code) == ("sent", "250 2.0.0 Queued as 42")
        assert not Task.objects.exclude(locked_by=None, leased_until=None).exists()
    assert send(world) == []


def test_a_mailbox_that_keeps_a_pace_sends_one(world, postbox):
    tasks = world.queue(count=3)
    with world.open():
        Mailbox.objects.update(pace_min_seconds=60, pace_max_seconds=90)

    assert len(send(world)) == 1

    assert states(world, tasks) == ["sent", "scheduled", "scheduled"]
    assert send(world, MORNING + MINUTE / 2) == []
    assert len(send(world, MORNING + 2 * MINUTE)) == 1


@pytest.mark.parametrize("pace", [0, 60])
def test_a_mailbox_looks_on_until_a_mail_may_leave(world, postbox, pace):
    *held, good = world.queue(count=60)
    with world.open():
        Mailbox.objects.update(pace_min_seconds=pace, pace_max_seconds=pace)
        Task.objects.filter(pk=good.pk).update(scheduled_for=MORNING)
        Task.objects.exclude(pk=good.pk).update(scheduled_for=MORNING - MINUTE)
        Enrollment.objects.exclude(tasks=good.pk).update(paused_until=MORNING + timedelta(days=9))

    (message,) = send(world)

    assert message.task_id == good.pk
    assert states(world, held) == ["scheduled"] * 59
    with world.open():
        assert Task.objects.filter(scheduled_for=MORNING + timedelta(days=9)).count() == 59


def test_the_pause_begins_when_the_server_has_answered(world, postbox):
    world.queue(count=2)
    with world.open():
        Mailbox.objects.update(pace_min_seconds=60, pace_max_seconds=60)

    send(world, clock=lambda: MORNING + 2 * MINUTE * bool(postbox.mails))

    with world.open() as mailbox:
        assert mailbox.next_send_at == MORNING + 3 * MINUTE


def test_mails_of_the_recipients_hours_pass_those_of_the_mailboxs_own(world, postbox):
    night = MORNING.replace(hour=22)  # the office is closed in Paris; in Nouméa it is nine o'clock
    waiting = world.queue()
    with world.open() as mailbox:
        campaign = make_open_campaign(mailbox, follows_recipient=True)
        position = make_position(company=make_company(country="FR", department="988"))
        far = make_ready(campaign, position=position)

    (message,) = send(world, night)

    assert message.task_id == far.pk
    assert states(world, [waiting]) == ["scheduled"]


def test_the_daily_limit_ends_a_batch_in_its_middle(world, postbox):
    tasks = world.queue(count=4)
    with world.open():
        Mailbox.objects.update(daily_limit=2)

    assert len(send(world)) == 2

    assert states(world, tasks) == ["sent", "sent", "scheduled", "scheduled"]


def test_two_mails_to_one_address_never_leave_together(world, postbox):
    world.queue()
    with world.open() as mailbox:
        position = Enrollment.objects.get().position
        make_ready(make_open_campaign(mailbox), position=position)

    assert len(send(world)) == 1
    assert send(world) == []

    assert len(postbox.mails) == 1


def pause_campaign(task):
    pause(Campaign.objects.get(), at=MORNING)


def pause_mailbox(task):
    Mailbox.objects.update(status="paused")


def stop_ours(task):
    stop_organisation(reason="a mistake", at=MORNING)


def unsubscribe(task):
    opt_out(task.enrollment.position.email, reason="unsubscribed", source="click", at=MORNING)


def go_away(task):
    pause_until(task.enrollment, MORNING + timedelta(days=2), at=MORNING)


def suppress(task):
    domain = task.enrollment.position.email.rpartition("@")[2]
    suppress_domain(domain, reason="by_hand", source="test", at=MORNING)


STOPS = [pause_campaign, pause_mailbox, stop_ours, unsubscribe, go_away, suppress]


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.__name__)
@pytest.mark.parametrize("stage", ["EHLO", "TAKEN"])
def test_what_is_stopped_meanwhile_does_not_leave(world, postbox, stop, stage):
    """While the server greets us, and between two mails of a group."""
    tasks = world.queue(count=3)
    victim = tasks[1]

    def act():
        with tenant(world.organisation_id):
            stop(Task.objects.get(pk=victim.pk))

    after(postbox, stage, act)

    send(world)

    with world.open():
        position = Task.objects.get(pk=victim.pk).enrollment.position
        assert position.email not in [recipient for recipient, _ in postbox.mails]
        assert not Message.objects.filter(task=victim).exists()
        task = Task.objects.get(pk=victim.pk)
        assert task.status == ("cancelled" if stop is unsubscribe else "scheduled")
        assert (task.attempts, task.locked_by) == (0, None)
    if stop in (unsubscribe, go_away):
        assert len(postbox.mails) == 2
    else:
        assert len(postbox.mails) == (stage == "TAKEN")


def test_a_stop_of_the_whole_platform_is_seen_before_the_next_mail(world, postbox):
    tasks = world.queue(count=3)
    after(postbox, "TAKEN", lambda: stop_platform(reason="a leak", at=MORNING))

    assert len(send(world)) == 1

    assert states(world, tasks) == ["sent", "scheduled", "scheduled"]


def test_a_worker_told_to_end_begins_no_further_mail(world, postbox):
    tasks = world.queue(count=3)

    assert len(send(world, stopping=lambda: len(postbox.mails) > 0)) == 1

    assert states(world, tasks) == ["sent", "scheduled", "scheduled"]


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(minutes=10)])
def test_a_mail_that_was_decided_on_at_another_hour_is_not_begun(world, postbox, jump):
    """A clock that was set back, or a server so slow that the lease could end."""
    tasks = world.queue(count=3)

    assert len(send(world, clock=lambda: MORNING + jump * bool(postbox.mails))) == 1

    assert states(world, tasks) == ["sent", "scheduled", "scheduled"]


def test_a_refused_recipient_keeps_back_no_other(world, postbox):
    tasks = world.queue(count=3, steps=2)
    after(postbox, "RCPT", lambda: postbox.answer("RCPT", HARD), mails=2)

    messages = send(world)

    assert sorted(message.status for message in messages) == ["failed", "sent", "sent"]
    assert states(world, tasks) == ["sent", "failed", "sent"]
    assert world.state(tasks[1])[2].state == "bounced"
    assert len(postbox.seen) == 3


def test_a_block_stops_the_mailbox_and_the_others_wait_untried(world, postbox):
    tasks = world.queue(count=3)
    after(postbox, "DATA", lambda: postbox.answer("DATA", BLOCKED), mails=2)

    send(world)

    assert states(world, tasks) == ["sent", "deferred", "scheduled"]
    assert len(postbox.mails) == 1
    assert world.state(tasks[2])[:2][1] is None
    assert world.state(tasks[0])[3].status == "paused"


def test_a_server_that_cannot_be_reached_is_tried_once_for_all(world, postbox):
    tasks = world.queue(count=3)
    with world.open():
        Mailbox.objects.update(smtp_port=1)

    (message,) = send(world)

    assert message.status == "queued"
    assert states(world, tasks) == ["deferred", "scheduled", "scheduled"]


def test_a_mail_that_waits_for_its_retry_keeps_its_bytes_when_it_is_not_begun(world, postbox):
    first, second = world.queue(count=2)
    postbox.answer("RCPT", "451 4.3.0 Later", "451 4.3.0 Later")
    send(world)
    kept = bytes(world.state(second)[1].raw)
    later = MORNING + 15 * MINUTE

    send(world, later, stopping=lambda: len(postbox.mails) > 0)

    task, message, _, _ = world.state(second)
    assert (task.status, task.attempts, message.sent_at) == ("deferred", 1, MORNING)
    assert [each.status for each in send(world, later)] == ["sent"]
    assert postbox.mails[1][1] == kept


@pytest.mark.parametrize("error", [ValueError, AttributeError, HeaderParseError])
def test_what_nobody_foresaw_keeps_back_no_other(world, postbox, monkeypatch, caplog, error):
    tasks = world.queue(count=3)
    whole = deciding.Maker.message

    def breaks(self, approved):
        if approved.task.pk == tasks[1].pk:
            raise error("what is this?")
        return whole(self, approved)

    monkeypatch.setattr(deciding.Maker, "message", breaks)

    assert len(send(world)) == 2

    assert states(world, tasks) == ["sent", "scheduled", "sent"]
    task = world.state(tasks[1])[0]
    assert task.scheduled_for > MORNING
    assert "worker's log" in task.last_error


def test_a_round_ends_at_a_batch_that_somebody_else_holds(world):
    """Or all that a campaign has due would be leased while somebody enrols thousands in it."""
    world.queue(count=2)
    held, done = Event(), Event()

    def hold():
        with world.open():
            list(Campaign.objects.select_for_update())
            held.set()
            done.wait()
        connection.close()

    holder = Thread(target=hold)
    holder.start()
    try:
        held.wait()
        with world.open():
            tasks = lease(world.mailbox_id, now=MORNING, worker="test")
            group = deciding.Group(world.mailbox_id, tasks, "test", MORNING, lambda message: None)
            decision = deciding.decide(group)
    finally:
        done.set()
        holder.join()

    assert len(tasks) == 2
    assert (decision.intentions, decision.goes_on) == ([], False)


def test_two_workers_told_to_send_the_same_batch_send_each_mail_once(world, postbox):
    tasks = world.queue(count=8)
    sent = []

    def work():
        try:
            sent.extend(send(world))
        finally:
            connection.close()

    workers = [Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sent += send(world)

    assert states(world, tasks) == ["sent"] * 8
    assert len({recipient for recipient, _ in postbox.mails}) == len(postbox.mails) == 8
    assert len(sent) == 8


def test_a_group_costs_as_many_queries_as_one_mail_but_for_the_looks(
    world, django_assert_max_num_queries
):
    def cost(count):
        world.queue(count=count, steps=2)
        with django_assert_max_num_queries(1000) as queries:
            assert len(send(world)) == count
        return len(queries)

    assert cost(9) - cost(1) == 8


def test_a_mailbox_does_not_wait_for_a_clock_that_was_a_year_ahead(world, postbox):
    tasks = world.queue(count=2)
    with world.open():
        Mailbox.objects.update(next_send_at=MORNING + timedelta(days=365))

    send(world)

    assert states(world, tasks) == ["sent"] * 2
    with world.open():
        assert Mailbox.objects.get().next_send_at == MORNING
