"""Two real servers: what may be late is the replica's, in the same scope, or the primary's."""

from ipaddress import ip_network

import pytest
from django.db import DatabaseError, OperationalError, connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.models import Company
from iam.models import Membership, Role
from outreach.tests.faults.cluster import cluster
from prospectflow.api.exports import Exported
from prospectflow.api_urls import router
from prospectflow.monitoring.tests.reading import Metrics
from prospectflow.operations import embedded
from prospectflow.operations.doctor import examine
from prospectflow.tenancy import replica
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.middleware import SESSION_KEY
from prospectflow.tenancy.replica import ReplicaUnfit, by_replica, lag, reading
from prospectflow.tenancy.roles import UnsafeRole, refuse_powerful_role
from prospectflow.tenancy.tests.counting import TOTALS, count, exported, sent, stand_still
from prospectflow.tenancy.tests.standby import Standby, reads_from
from prospectflow.testing.api import api_client
from prospectflow.testing.factories import make_company, make_organisation, make_step
from prospectflow.testing.rows import make_row
from prospectflow.tests.test_environment import SERVER, load

EXPORTS = {prefix: view for prefix, view, _ in router.registry if issubclass(view, Exported)}


@pytest.fixture(scope="module")
def primary(django_db_setup, django_db_blocker, tmp_path_factory):
    with django_db_blocker.unblock(), cluster(tmp_path_factory.mktemp("primary")) as found:
        yield found


@pytest.fixture(scope="module")
def standby(primary, tmp_path_factory):
    found = Standby(primary, tmp_path_factory.mktemp("standby"))
    yield found
    found.stop()


@pytest.fixture
def near(standby):
    """The project with the replica, of which no answer is too old."""
    with reads_from(standby.url()):
        yield standby
    standby.start()
    standby.run("SELECT pg_wal_replay_resume()")
    standby.catch_up()


@pytest.fixture(autouse=True)
def _patient(settings):
    settings.REPLICA_MAX_LAG_SECONDS = 3600


@pytest.fixture
def acme(primary):
    return make_organisation()


@pytest.fixture
def owner(acme):
    return api_client(Role.OWNER, acme)


@pytest.fixture
def step(acme):
    """A step that had sent one mail before the replica stood still."""
    with tenant(acme.pk):
        step = make_step()
        count(step, 1)
    return step


# Which of the two answers ---------------------------------------------------------------------


def test_statistics_are_the_replicas(near, owner, step):
    stand_still(near, step)

    assert sent(owner) == 1
    assert [row["sent"] for row in owner.get("/api/v1/statistics/").json()["results"]] == [1]
    [group] = owner.get(TOTALS, {"by": "day"}).json()["groups"]
    assert group["sent"] == 1


def test_exports_are_the_replicas(near, owner, step):
    stand_still(near, step)

    assert [row["sent"] for row in exported(owner, "/api/v1/statistics/")] == [1]


def test_the_campaigns_page_counts_its_mails_on_the_replica(near, acme, step):
    stand_still(near, step)
    with tenant(acme.pk):
        person = Membership.objects.get(role=Role.OWNER).user
    client = Client()
    client.force_login(person)
    session = client.session
    session[SESSION_KEY] = str(acme.pk)
    session.save()

    page = client.get(reverse("console:campaign", args=[step.campaign_id]))

    assert page.context["totals"]["sent"] == 1


def test_what_is_no_statistic_is_never_late(near, owner, acme):
    near.catch_up()
    near.run("SELECT pg_wal_replay_pause()")
    with tenant(acme.pk):
        company = make_company()

    listed = owner.get("/api/v1/companies/").json()["results"]

    assert [row["id"] for row in listed] == [str(company.pk)]


def test_a_replica_that_is_too_late_is_passed_by(near, owner, step, settings):
    stand_still(near, step)
    settings.REPLICA_MAX_LAG_SECONDS = 0

    assert lag() > 0
    assert sent(owner) == 3
    assert {row["sent"] for row in exported(owner, "/api/v1/statistics/")} == {1, 2}


def test_a_replica_that_was_cut_off_is_late_although_it_replayed_all_it_got(
    near, owner, step, settings
):
    settings.REPLICA_MAX_LAG_SECONDS = 0
    near.catch_up()
    conninfo = near.run("SELECT current_setting('primary_conninfo')")
    near.run("ALTER SYSTEM SET primary_conninfo = ''")
    near.run("SELECT pg_reload_conf()")
    with tenant(step.organisation_id):
        count(step, 2)

    assert sent(owner) == 3

    near.run("ALTER SYSTEM SET primary_conninfo = '{}'".format(conninfo.replace("'", "''")))
    near.run("SELECT pg_reload_conf()")


def test_a_replica_that_has_everything_is_not_late_however_long_nothing_was_written(
    near, owner, step, settings
):
    settings.REPLICA_MAX_LAG_SECONDS = 0
    near.catch_up()

    assert lag() == 0
    with connections[replica.REPLICA].execute_wrapper(refuse):
        assert sent(owner) == 1  # the replica was asked, failed, and the primary answered
    assert replica._rests_until[replica.REPLICA] > 0


def refuse(execute, sql, params, many, context):
    if "campaign_daily_stats" in sql:
        raise OperationalError("gone")
    return execute(sql, params, many, context)


# Away -----------------------------------------------------------------------------------------


def test_while_the_replica_is_away_the_primary_answers_and_afterwards_the_replica_again(
    near, owner, step, monkeypatch
):
    stand_still(near, step)
    near.stop()

    assert sent(owner) == 3
    assert {row["sent"] for row in exported(owner, "/api/v1/statistics/")} == {1, 2}

    near.start()
    near.catch_up()
    near.run("SELECT pg_wal_replay_pause()")
    with tenant(step.organisation_id):
        count(step, 3)
    assert sent(owner) == 6  # it rests
    monkeypatch.setitem(replica._rests_until, replica.REPLICA, 0.0)
    assert sent(owner) == 3


def test_a_replica_that_dies_in_the_middle_of_a_reading_costs_nothing(near, acme):
    with tenant(acme.pk):
        make_company(name="Films")
    near.catch_up()
    used = []

    def work():
        names = list(Company.objects.values_list("name", flat=True))
        used.append(replica._read_by.get())
        if used == ["replica"]:
            near.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = 'prospectflow_app'"
            )
            Company.objects.count()
        return names

    assert reading(work, acme.pk) == ["Films"]
    assert used == ["replica", "default"]


def test_a_time_out_is_not_repeated_on_the_primary(near, acme):
    calls = []

    def work():
        calls.append(1)
        with connections[replica.REPLICA].cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 1")
            cursor.execute("SELECT pg_sleep(10)")

    with pytest.raises(OperationalError, match="statement timeout"):
        reading(work, acme.pk)
    assert calls == [1]


def test_a_url_that_leads_to_a_primary_is_not_read(primary, acme):
    with reads_from(primary.url()), pytest.raises(ReplicaUnfit):
        by_replica(Company.objects.count, acme.pk)


def test_another_installations_standby_is_not_read(near, acme, monkeypatch):
    monkeypatch.setattr(
        replica,
        "PRIMARY_NOW",
        replica.PRIMARY_NOW.replace("system_identifier", "system_identifier + 1"),
    )

    with pytest.raises(ReplicaUnfit):
        by_replica(Company.objects.count, acme.pk)


def test_without_a_replica_the_primary_answers(primary, acme):
    with tenant(acme.pk):
        make_company()

    assert reading(Company.objects.count, acme.pk) == 1


# The same scope -------------------------------------------------------------------------------


def test_the_replica_shows_an_organisation_its_own_rows_alone(near, acme):
    other = make_organisation()
    for organisation in (acme, other):
        with tenant(organisation.pk):
            make_company(name=f"Of {organisation.name}")
    near.catch_up()

    def names():
        return list(Company.objects.values_list("name", flat=True))

    assert by_replica(names, acme.pk) == [f"Of {acme.name}"]
    assert by_replica(names, other.pk) == [f"Of {other.name}"]


def test_outside_of_a_reading_the_replica_shows_nothing_to_anybody(near, acme):
    by_replica(Company.objects.count, acme.pk)

    with pytest.raises(DatabaseError, match="app.organisation_id is not set"):
        Company.objects.using(replica.REPLICA).count()


def test_what_is_read_knows_whose_request_it_is(near, acme):
    with tenant(acme.pk):
        person = Membership.objects.get(role=Role.OWNER).user

    def who():
        with connections[replica.REPLICA].cursor() as cursor:
            cursor.execute("SELECT current_setting('app.user_id')")
            return cursor.fetchone()[0]

    assert by_replica(who, acme.pk, user_id=person.pk) == str(person.pk)


def test_nothing_is_written_by_a_reading(near, acme):
    with pytest.raises(DatabaseError, match="app.organisation_id is not set"):
        by_replica(lambda: make_company(), acme.pk)


def test_after_an_error_rows_are_read_from_the_primary_again(near, acme):
    near.catch_up()
    with pytest.raises(ZeroDivisionError):
        by_replica(lambda: 1 / 0, acme.pk)

    assert Company.objects.all().db == "default"


@pytest.mark.parametrize("path", EXPORTS)
def test_each_export_is_the_same_from_both(near, owner, acme, path):
    with tenant(acme.pk):
        make_row(EXPORTS[path].queryset.model)
        assert EXPORTS[path].queryset.exists()
    exported(owner, f"/api/v1/{path}/")  # notes itself in the trail
    near.catch_up()

    def without_this_one(rows):
        return [row for row in rows if row.get("action") != "exported"]

    by_the_replica = without_this_one(exported(owner, f"/api/v1/{path}/"))
    with connections[replica.REPLICA].execute_wrapper(refuse_all):
        by_the_primary = without_this_one(exported(owner, f"/api/v1/{path}/"))

    assert by_the_replica == by_the_primary != []
    assert replica._rests_until[replica.REPLICA] > 0  # it was asked the second time, in vain


def refuse_all(execute, sql, params, many, context):
    raise OperationalError("gone")


# What the environment says --------------------------------------------------------------------


def test_a_process_whose_replica_has_another_role_does_not_start(standby):
    owners = embedded.database_url(standby.folder, role="owner")
    with reads_from(owners), pytest.raises(UnsafeRole, match="another role"):
        refuse_powerful_role()


def test_a_process_with_the_same_role_on_both_starts(near):
    refuse_powerful_role()


def test_only_who_serves_has_the_replica_and_no_request_opens_a_transaction_there():
    told = (
        "from prospectflow.settings import DATABASES as found;"
        "print({name: each['ATOMIC_REQUESTS'] for name, each in found.items()})"
    )
    given = SERVER | {"REPLICA_DATABASE_URL": "postgres://prospectflow_app:x@replica:5432/p"}

    assert load(told, **given).stdout == "{'default': True, 'replica': False}\n"
    assert load(told, **given, DATABASE_ROLE="owner").stdout == "{'default': True}\n"


@pytest.fixture
def _scraped(settings):
    settings.METRICS_ALLOWED = [ip_network("127.0.0.1")]


@pytest.mark.usefixtures("_scraped")
def test_how_late_it_is_is_told_to_prometheus(near, step):
    stand_still(near, step)
    metrics = Metrics.now()

    assert metrics.value("prospectflow_replica_lag_seconds") > 0
    assert metrics.value("prospectflow_reading_ok", reading="replica") == 1


@pytest.mark.usefixtures("_scraped")
def test_that_it_is_no_replica_is_told_to_prometheus(primary):
    with reads_from(primary.url()):
        metrics = Metrics.now()

    assert metrics.value("prospectflow_reading_ok", reading="replica") == 0
    assert "prospectflow_replica_lag_seconds" not in metrics.names


def to_the_doctor():
    [finding] = dict(examine(now=timezone.now()))["replica"]
    return finding


def test_the_doctor_tells_how_late_it_is_and_from_when_on_it_is_passed_by(near, step, settings):
    stand_still(near, step)
    assert (to_the_doctor().told[-6:], to_the_doctor().advice) == ("behind", "")

    settings.REPLICA_MAX_LAG_SECONDS = 0
    assert "It is passed by" in to_the_doctor().advice


def test_the_doctor_tells_that_the_replica_is_away(near):
    near.stop()

    assert "It does not answer" in to_the_doctor().advice


def test_the_doctor_tells_that_it_is_no_replica(primary):
    with reads_from(primary.url()):
        assert "a standby of DATABASE_URL" in to_the_doctor().advice
