"""Every statement of every test is planned again: see `_within_one_organisation` in conftest.py."""

import psycopg
import pytest
from django.db import connection

from crm.models import Company, Position
from prospectflow.operations import embedded
from prospectflow.testing.factories import make_company, make_position
from prospectflow.testing.routing import Watch, explained, roamed

ORGANISATION = "0197c0de-0000-7000-8000-000000000001"
JOINED = "SELECT 1 FROM crm.people p JOIN crm.positions q ON q.person_id = p.id"
WITHIN = f"organisation_id = '{ORGANISATION}'"


@pytest.fixture
def owner(owner_url):
    """Whom no policy binds."""
    with psycopg.connect(owner_url) as database:
        yield database
        database.rollback()


def tables(database, statement):
    return roamed(explained(database, statement, None))


def test_the_statements_of_this_very_test_are_watched(inside):
    (watch,) = [each for each in connection.execute_wrappers if isinstance(each, Watch)]
    before = watch.planned

    list(Company.objects.filter(city="Nowhere else asked for").values_list("city", "department"))

    assert watch.planned == before + 1


def test_what_the_orm_asks_within_a_scope_stays_in_it(inside):
    watch = Watch()
    with connection.execute_wrapper(watch):
        make_position()
        list(Position.objects.select_related("company", "person").order_by("-id")[:50])
        Company.objects.filter(positions__email="a@b.example").update(city="Lyon")
        Company.objects.exclude(pk__in=Position.objects.values("company")).delete()
        make_company()
        names = Company.objects.values("name").order_by()
        list(names.union(names.filter(city="Lyon"), all=True)[:1])

    assert watch.planned >= 7
    assert any(sql.startswith("(") for sql in watch.known)
    assert watch.roaming == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT * FROM crm.companies", {"companies"}),
        (f"SELECT * FROM crm.companies WHERE {WITHIN}", set()),
        (f"{JOINED} WHERE p.{WITHIN}", {"positions"}),
        (f"{JOINED} AND q.organisation_id = p.organisation_id WHERE p.{WITHIN}", set()),
        (f"{JOINED} LEFT JOIN LATERAL (SELECT FROM crm.companies c WHERE c.id = q.company_id AND"
         " c.organisation_id = q.organisation_id LIMIT 1) x ON true WHERE"
         f" p.{WITHIN} AND q.{WITHIN}", set()),
        (f"{JOINED} LEFT JOIN LATERAL (SELECT FROM crm.companies c WHERE c.id = q.company_id"
         f" LIMIT 1) x ON true WHERE p.{WITHIN} AND q.{WITHIN}", {"companies"}),
        ("UPDATE crm.companies SET city = 'Lyon'", {"companies"}),
        (f"DELETE FROM crm.companies WHERE {WITHIN}", set()),
        ("WITH picked AS MATERIALIZED (SELECT * FROM crm.people) SELECT 1 FROM picked", {"people"}),
        (f"SELECT (SELECT max(name) FROM crm.companies), 1 FROM crm.people WHERE {WITHIN}",
         {"companies"}),
        (f"SELECT * FROM crm.companies WHERE {WITHIN.replace('=', '>')}", {"companies"}),
        (f"SELECT * FROM crm.companies WHERE {WITHIN} OR city = 'Lyon'", {"companies"}),
        (f"SELECT * FROM crm.companies WHERE ({WITHIN} OR city = 'Lyon') AND name <> 'x'",
         {"companies"}),
        (f"SELECT * FROM crm.companies WHERE {WITHIN} AND (city = 'a) OR (' OR name = 'b')", set()),
        (f"SELECT FROM crm.companies WHERE ({WITHIN} AND city = 'a') OR ({WITHIN} AND city = 'b')",
         set()),
        ('SELECT FROM crm.people "P" LEFT JOIN LATERAL (SELECT FROM crm.companies "C" WHERE'
         ' "C".organisation_id = "P".organisation_id LIMIT 1) x ON true'
         f' WHERE "P".{WITHIN}', set()),
        (f"SELECT * FROM crm.companies WHERE ({WITHIN}) IS NOT true", {"companies"}),
        (f"SELECT * FROM crm.companies WHERE name = '({WITHIN.replace("'", "''")})'",
         {"companies"}),
        (f"SELECT 1 FROM crm.people p LEFT JOIN LATERAL (SELECT FROM crm.companies c WHERE"
         " c.organisation_id = p.organisation_id OR c.city = p.first_name LIMIT 1) x ON true"
         f" WHERE p.{WITHIN}", {"companies"}),
    ],
)  # fmt: skip
def test_a_statement_without_a_policy_roams_over_each_table_it_does_not_bind(
    owner, statement, expected
):
    assert tables(owner, statement) == expected


def test_a_table_whose_policy_is_switched_off_is_noticed(owner, settings):
    name = connection.settings_dict["NAME"]
    url = embedded.database_url(settings.LOCAL_DIRECTORY, role="app", database=name)
    ask = "SELECT * FROM crm.phones"
    with psycopg.connect(url) as app:
        app.execute("SELECT set_config('app.organisation_id', %s, false)", [ORGANISATION])
        app.commit()
        bound = tables(app, ask)
        app.commit()
        owner.execute("ALTER TABLE crm.phones DISABLE ROW LEVEL SECURITY")
        owner.commit()
        try:
            unbound = tables(app, ask)
            app.commit()
        finally:
            owner.execute("ALTER TABLE crm.phones ENABLE ROW LEVEL SECURITY")
            owner.commit()

    assert (bound, unbound) == (set(), {"phones"})


def test_planning_again_leaves_a_transaction_as_it_was(inside):
    company = make_company()

    with pytest.raises(psycopg.errors.UndefinedColumn):
        explained(connection.connection, "SELECT nothing FROM crm.companies", None)

    assert Company.objects.get() == company


def test_a_statement_that_cannot_be_planned_again_is_no_secret(inside):
    watch, asked = Watch(), "SELECT nothing FROM crm.companies"

    watch(lambda *given: None, asked, None, False, {"connection": connection})

    (line,) = watch.roaming
    assert line.endswith(f"when planned again: {asked}")
