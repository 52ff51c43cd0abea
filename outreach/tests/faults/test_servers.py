"""PostgreSQL killed and PgBouncer restarted while mails leave: nothing twice, nothing lost."""

import random
from datetime import timedelta
from threading import Timer

import pytest

from outreach.tests.faults.cluster import cluster
from outreach.tests.faults.judging import AT_ONCE, hold_nobody_lost, hold_to_account, prepare
from outreach.tests.faults.nursery import nursery
from outreach.tests.making import MORNING
from outreach.tests.postbox import World
from prospectflow.testing.pooler import Pooler

pytestmark = pytest.mark.faults

HOUR = timedelta(hours=1)
MAILS = 6


@pytest.fixture(scope="module")
def ours(django_db_setup, django_db_blocker, tmp_path_factory):
    """A server that nobody else uses, with its data in memory of this module alone."""
    with django_db_blocker.unblock(), cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture
def there(ours, postbox):
    """An organisation of that server's."""
    return World(postbox, **AT_ONCE)


def go_on(world, senders, at=MORNING, **options):
    for hour in range(1, 25, 3):
        prepare(world, at + hour * HOUR)
        ending = senders.run(world.organisation_id, world.mailbox_id, at + hour * HOUR)
        assert ending.codes == [0], senders.complained()


@pytest.mark.parametrize("stage", ["EHLO", "RCPT", "TAKEN"])
def test_postgresql_killed_in_the_middle_of_a_batch_costs_no_mail_twice(
    ours, there, postbox, tmp_path, stage
):
    there.queue(count=MAILS, steps=2)
    heard = []

    def kill(server, envelope):
        heard.append(stage)
        if len(heard) == (1 if stage == "EHLO" else 3):
            ours.kill()

    postbox.hooks[stage] = kill
    with nursery(tmp_path, DATABASE_URL=ours.url()) as senders:
        ending = senders.run(there.organisation_id, there.mailbox_id, MORNING)
        assert ending.codes == [1]
        postbox.hooks.clear()
        ours.recover()
        hold_to_account_in_mid_air(there, postbox)
        go_on(there, senders)

    counted = hold_to_account(there, postbox)
    hold_nobody_lost(there)
    assert counted["sent"] + counted["unknown"] == MAILS


def hold_to_account_in_mid_air(world, postbox):
    """What was committed is there again, and nothing is said that is not so."""
    counted = hold_to_account(world, postbox)
    assert counted["transmitting"] > 0


def test_postgresql_killed_at_random_instants_costs_no_mail_twice(ours, there, postbox, tmp_path):
    chance, at = random.Random(3), MORNING
    with nursery(tmp_path, DATABASE_URL=ours.url()) as senders:
        for _ in range(3):
            there.queue(count=MAILS, steps=2)
            senders.start(there.organisation_id, there.mailbox_id, at)
            timer = Timer(chance.uniform(0, 0.3), ours.kill)
            timer.start()
            senders.ending()
            timer.join()
            ours.recover()
            at += HOUR
            prepare(there, at)
        go_on(there, senders, at)

    counted = hold_to_account(there, postbox)
    hold_nobody_lost(there)
    assert counted["sent"] + counted["unknown"] == 3 * MAILS


@pytest.fixture
def pooler(ours):
    found = Pooler(ours.url())
    yield found
    found.remove()


@pytest.mark.parametrize("stage", ["none", "EHLO", "RCPT", "TAKEN"])
def test_pgbouncer_restarted_in_the_middle_of_a_batch_costs_no_mail_twice(
    pooler, there, postbox, tmp_path, stage
):
    there.queue(count=MAILS, steps=2)
    heard = []

    def restart(server, envelope):
        heard.append(stage)
        if len(heard) == (1 if stage == "EHLO" else 3):
            pooler.kill()
            pooler.start()

    postbox.hooks[stage] = restart
    with nursery(tmp_path, DATABASE_URL=pooler.url) as senders:
        ending = senders.run(there.organisation_id, there.mailbox_id, MORNING)
        assert ending.codes == ([0] if stage == "none" else [1]), senders.complained()
        postbox.hooks.clear()
        go_on(there, senders)

    counted = hold_to_account(there, postbox)
    hold_nobody_lost(there)
    assert counted["sent"] + counted["unknown"] == MAILS
    assert counted["unknown"] == 0 or stage != "none"
