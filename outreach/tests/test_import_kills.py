"""However an import is cut and wherever it dies: begun again, it is the import left alone."""

from contextlib import contextmanager
from threading import Lock

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from crm.importing import engine
from outreach.services import enrolling_imported, importing, stages
from outreach.tests.bringing import AT, LATER, Bringing
from prospectflow.tenancy.context import tenant

# Each mark belongs to one company or person, so that what the first rows change of the base does
# not change what the later rows mean when they are read again.
ROWS = st.lists(
    st.builds(
        lambda person, site, extra: {
            "company_name": f"Bar {site}" if site else "",
            "siren": ("", "732829320", "356000000", "")[site] if "siren" in extra else "",
            "email": f"p{person}@bar{site}.example.com" if "lost" not in extra else "nobody",
            "last_name": f"Roux {person}",
            "linkedin": f"linkedin.com/in/{person}-{site}" if "page" in extra else "",
            "mobile": f"06123456{person}{site}" if "mobile" in extra else "",
            "job_title": "Gérante" if "title" in extra else "",
            "city": "Aix" if "city" in extra else "",
            "Pointure": "38" if "kept" in extra else "",
        },
        st.integers(1, 4),
        st.integers(0, 3),
        st.sets(
            st.sampled_from(["siren", "page", "mobile", "title", "city", "kept", "lost"]),
            max_size=4,
        ),
    ),
    min_size=2,
    max_size=8,
)


TRANSACTIONS = st.sampled_from([2, *range(6, 26)])  # from the sixth on, something is stored


class Killed(BaseException):
    """The worker died."""


class Mortal:
    """The scopes of a worker that dies with its nth transaction, in whichever session that is."""

    def __init__(self, transactions, *, after_commit):
        self.left, self.after_commit = transactions, after_commit
        self.dead, self.lock = False, Lock()

    @contextmanager
    def tenant(self, organisation_id):
        self.end_if_dead()
        with tenant(organisation_id):
            yield
            self.end_if_dead()
            last = self.is_last()
            self.dead = self.dead or (last and not self.after_commit)
            self.end_if_dead()
        self.dead = self.dead or last
        self.end_if_dead()

    def is_last(self):
        with self.lock:
            self.left -= 1
            return self.left == 0

    def end_if_dead(self):
        if self.dead:
            raise Killed


@pytest.fixture
def worker(monkeypatch):
    """A worker that dies at some moment; whether it did."""

    def perform(bringing, upload, mortal):
        with monkeypatch.context() as patched:
            for module in (importing, stages, enrolling_imported):
                patched.setattr(module, "tenant", mortal.tenant)
            try:
                bringing.gone_on(upload, at=LATER)
            except Killed:
                connection.close()
                return True
        return False

    return perform


def begun(bringing, rows):
    upload = bringing.receive(*rows, at=LATER)
    with bringing.open():
        importing.begin(upload, at=LATER)
    return upload


def outcome(bringing, first, upload):
    done = bringing.fresh(upload)
    facts = (done.status, done.row_count, done.report)
    return facts, bringing.problems(done), bringing.by_rows(first, done)


@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    base=ROWS,
    rows=ROWS,
    chunk=st.integers(1, 3),
    deaths=st.lists(st.tuples(TRANSACTIONS, st.booleans()), min_size=1, max_size=3),
)
def test_any_death_at_any_moment_leaves_the_import_that_was_left_alone(
    committed, tmp_path, monkeypatch, worker, base, rows, chunk, deaths
):
    quiet, mortal = Bringing(tmp_path), Bringing(tmp_path)
    first = quiet.bring(*base, at=AT)
    alone = quiet.bring(*rows, at=LATER)
    before = mortal.bring(*base, at=AT)
    upload = begun(mortal, rows)

    with monkeypatch.context() as patched:
        patched.setattr(engine, "CHUNK", chunk)
        for transactions, after_commit in deaths:
            died = worker(mortal, upload, Mortal(transactions, after_commit=after_commit))
            event(f"died: {died}")
        mortal.gone_on(upload, at=LATER)

    assert outcome(mortal, before, upload) == outcome(quiet, first, alone)
