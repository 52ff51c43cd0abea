"""What the bootstrap gives each role, asked of a real database."""

import uuid

import psycopg
import pytest

from prospectflow.operations import embedded

SCRATCH = "bootstrap_scratch"
ORGANISATION = uuid.UUID(int=7)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    directory = tmp_path_factory.mktemp("bootstrap") / ".local"
    embedded.start(directory)
    embedded.create_database(directory, SCRATCH)
    yield directory
    embedded.reset(directory)


@pytest.fixture
def connect(cluster):
    opened = []

    def connect(role):
        url = embedded.database_url(cluster, role=role, database=SCRATCH)
        opened.append(psycopg.connect(url, autocommit=True))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def test_the_serving_role_has_no_right_that_slips_past_a_policy(connect):
    rights = connect("app").execute(
        "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication, rolinherit"
        " FROM pg_roles WHERE rolname = current_user"
    )
    assert rights.fetchone() == (False,) * 6


def test_neither_role_is_a_member_of_another_but_that_the_owner_ends_sessions(connect):
    members = connect("owner").execute(
        "SELECT member::regrole::text, roleid::regrole::text, inherit_option, set_option,"
        " admin_option FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = member"
        " WHERE rolname LIKE 'prospectflow%'"
    )
    assert members.fetchall() == [("prospectflow_owner", "pg_signal_backend", True, False, False)]


def test_the_owner_copies_the_template_with_its_search_operators(connect, cluster):
    connect("owner").execute("CREATE DATABASE copied TEMPLATE prospectflow_template")
    url = embedded.database_url(cluster, role="owner", database="copied")

    with psycopg.connect(url) as copied:
        leakproof = copied.execute(
            "SELECT proleakproof FROM pg_operator JOIN pg_proc ON pg_proc.oid = oprcode"
            " WHERE pg_operator.oid = 'search.~~~*(text,text)'::regoperator"
        )
        assert leakproof.fetchone() == (True,)


@pytest.mark.parametrize("role", ["app", "owner"])
def test_nobody_changes_the_template(cluster, role):
    url = embedded.database_url(cluster, role=role, database="prospectflow_template")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(url)


@pytest.mark.parametrize("statement", ["CREATE TABLE public.intruder ()", "CREATE SCHEMA intruder"])
def test_the_serving_role_creates_nothing_that_stays(connect, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connect("app").execute(statement)


def test_a_temporary_table_of_the_serving_role_ends_with_its_session(connect):
    app = connect("app")
    app.execute("CREATE TEMP TABLE staged AS SELECT 1 AS row_number")

    assert app.execute("SELECT row_number FROM staged").fetchone() == (1,)
    with pytest.raises(psycopg.errors.UndefinedTable):
        connect("app").execute("SELECT row_number FROM staged")


def test_other_roles_may_not_even_connect(connect, cluster):
    connect("superuser").execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    url = embedded.database_url(cluster, database=SCRATCH)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(url, user="stranger", password="stranger")


def test_the_owner_creates_schemas(connect):
    connect("owner").execute("CREATE SCHEMA crm")


@pytest.fixture
def names(connect):
    """A table under row-level security with a trigram index, made by the owner."""
    owner = connect("owner")
    owner.execute("DROP TABLE IF EXISTS names")
    owner.execute("CREATE TABLE names (organisation_id uuid, name text)")
    owner.execute("CREATE INDEX ON names USING gin (organisation_id, name search.gin_trgm_lp)")
    owner.execute("ALTER TABLE names ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    owner.execute(f"CREATE POLICY own ON names USING (organisation_id = '{ORGANISATION}')")
    owner.execute("GRANT SELECT ON names TO prospectflow_app")
    owner.execute(
        "INSERT INTO names SELECT %s, 'Dupont ' || n FROM generate_series(1, 50) AS n",
        [ORGANISATION],
    )
    return "names"


@pytest.mark.parametrize(
    ("operator", "pattern", "found"), [("~~~*", "%dupont 7%", 1), ("~~~", "%dupont 7%", 0)]
)
def test_the_search_operators_use_their_index_under_a_policy(
    connect, names, operator, pattern, found
):
    app = connect("app")
    app.execute("SET enable_seqscan = off")
    query = f"SELECT name FROM {names} WHERE name OPERATOR(search.{operator}) %s"
    plan = "\n".join(row[0] for row in app.execute(f"EXPLAIN {query}", [pattern]))
    index_condition = next(line for line in plan.splitlines() if "Index Cond" in line)
    assert operator in index_condition
    assert len(app.execute(query, [pattern]).fetchall()) == found


def test_a_second_bootstrap_changes_nothing(cluster, connect):
    def catalogue():
        return (
            connect("superuser")
            .execute(
                "SELECT (SELECT array_agg(r ORDER BY r.rolname) FROM pg_roles r)::text,"
                " (SELECT array_agg(n ORDER BY n.nspname) FROM pg_namespace n)::text,"
                " (SELECT array_agg(o.oid ORDER BY o.oid) FROM pg_operator o),"
                " (SELECT array_agg(datacl::text ORDER BY oid) FROM pg_database)"
            )
            .fetchone()
        )

    before = catalogue()
    embedded.create_database(cluster, SCRATCH)
    assert catalogue() == before


def test_passwords_do_not_show_in_the_statistics(connect):
    seen = connect("superuser").execute(
        "SELECT count(*) FROM extensions.pg_stat_statements"
        " WHERE query ~* 'alter role' AND query ~* 'password'"
    )
    assert seen.fetchone() == (0,)


def test_a_database_is_dropped_under_open_sessions_and_again(cluster):
    embedded.create_database(cluster, "short_lived")
    url = embedded.database_url(cluster, database="short_lived")
    with psycopg.connect(url) as session:
        embedded.drop_database(cluster, "short_lived")
        embedded.drop_database(cluster, "short_lived")
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
