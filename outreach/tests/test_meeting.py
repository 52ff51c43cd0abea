"""Two transactions meet: a stop that comes while a mail is being committed is never lost."""

import threading
import time
from datetime import timedelta

from django.db import connection

from outreach.models import Enrollment, Suppression
from outreach.services.approval import UNSUBSCRIBE
from outreach.services.receiving import receive
from outreach.services.sending import send_next
from outreach.services.unsubscribing import unsubscribe
from outreach.tests.conversing import answer, make_sent, make_two_steps
from outreach.tests.making import MORNING
from outreach.tokens import token
from prospectflow.tenancy.context import tenant

LATER = MORNING + timedelta(days=14)


def beside(action):
    """Run it in a thread with a connection of its own."""

    def act():
        try:
            action()
        finally:
            connection.close()

    thread = threading.Thread(target=act)
    thread.start()
    return thread


def test_a_click_while_the_follow_up_is_being_committed_is_kept(world, postbox):
    first = world.queue(steps=2)
    world.send(MORNING)
    world.approve_all(LATER)
    clicks = []

    def click(message):
        link = token(UNSUBSCRIBE, first.pk)
        clicks.append(beside(lambda: unsubscribe(link, at=LATER)))
        time.sleep(0.3)  # the click now waits for what this transaction holds

    send_next(world.organisation_id, world.mailbox_id, now=LATER, worker="w", frozen=click)
    clicks[0].join()

    with world.open():
        assert Suppression.objects.count() == 1
        assert Enrollment.objects.get().state == "unsubscribed"


def test_an_objection_counts_for_the_person_whatever_their_address_is_by_now(world, postbox):
    task = world.queue(steps=2)
    world.send(MORNING)
    with world.open():
        position = task.enrollment.position
        position.email = "new@example.com"
        position.save()

    unsubscribe(token(UNSUBSCRIBE, task.pk), at=MORNING + timedelta(hours=1))
    world.approve_all(LATER)
    world.send(LATER)

    assert len(postbox.mails) == 1
    with world.open():
        assert Enrollment.objects.get().state == "unsubscribed"
        assert Suppression.objects.count() == 2  # the old address and the new one


def test_a_no_by_mail_counts_for_the_person_too(inside):
    sent = make_sent()
    sent.position.email = "new@example.com"
    sent.position.save()

    receive(sent.mailbox, answer(sent, "Retirez-moi de votre liste."), now=LATER)

    assert Enrollment.objects.get().state == "unsubscribed"


def test_a_step_that_goes_on_after_a_reply_does(inside):
    sent = make_sent()
    step = sent.task.workflow_step
    step.exit_on_reply = False
    step.save()

    receive(sent.mailbox, answer(sent, "Oui, pourquoi pas."), now=LATER)

    assert Enrollment.objects.get().state == "active"


def test_two_colleagues_answering_at_once_are_both_heard(world, postbox):
    with world.open() as mailbox:
        campaign = make_two_steps(mailbox)
        ada = make_sent(campaign)
        bea = make_sent(campaign, company=ada.position.company)
        letters = {sent: answer(sent, "Oui, jeudi.") for sent in (ada, bea)}
    start = threading.Barrier(2)

    def hear(sent):
        with tenant(world.organisation_id):
            start.wait(5)
            receive(sent.mailbox, letters[sent], now=LATER)
            time.sleep(0.2)

    threads = [beside(lambda sent=sent: hear(sent)) for sent in letters]
    for thread in threads:
        thread.join()

    with world.open():
        assert set(Enrollment.objects.values_list("state", flat=True)) <= {"replied", "finished"}
        assert Enrollment.objects.filter(state="replied").exists()
