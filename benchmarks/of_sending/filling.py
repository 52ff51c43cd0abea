"""Organisations that have much to send, made without asking every rule for each mail."""

from datetime import UTC, datetime
from uuid import UUID

import psycopg

from crm.models import Company, Person, Position
from outreach.models import Campaign, Draft, Enrollment, Mailbox, Task, WorkflowStep
from outreach.services.approval import rendered
from outreach.tests.making import make_open_campaign
from prospectflow.testing.factories import make_mailbox, make_step

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)  # a Tuesday, ten o'clock in Paris
ALL_DAY = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), [["00:00", "24:00"]])
TEXT = (
    "Bonjour Ada,\n\nVotre vitrine du cours Julien a retenu notre œil : nous filmons des commerces"
    " indépendants, en une demi-journée, sans équipe sur place.\n\n" * 4
)

# As the owner of the tables, past triggers and policies: what a claim looks at, and no more.
ORGANISATIONS = """
SET session_replication_role = replica;
INSERT INTO iam.organisations (id, name, slug)
SELECT uuidv7(), 'Organisation ' || n, 'claiming-' || n FROM generate_series(1, %(count)s) AS n;
INSERT INTO outreach.mailboxes
    (organisation_id, address, smtp_host, imap_host, username)
SELECT id, 'sales@' || slug || '.example.com', '127.0.0.1', '127.0.0.1', 'sales'
FROM iam.organisations WHERE slug LIKE 'claiming-%%';
INSERT INTO outreach.campaigns
    (organisation_id, name, value_prop, status, from_mailbox_id, track_opens)
SELECT m.organisation_id, 'Spring', 'Films.', 'running', m.id, false FROM outreach.mailboxes m;
INSERT INTO outreach.workflow_steps
    (organisation_id, campaign_id, step_index, subject_template, body_template)
SELECT c.organisation_id, c.id, n, '', '' FROM outreach.campaigns c, generate_series(0, 2) AS n;
"""
TASKS = """
SET session_replication_role = replica;
WITH new AS (
    INSERT INTO outreach.campaign_enrollments
        (organisation_id, campaign_id, position_id, enrolled_at, state, mailbox_id)
    SELECT c.organisation_id, c.id, uuidv7(), %(now)s, 'active', c.from_mailbox_id
    FROM outreach.campaigns c, generate_series(1, %(each)s)
    RETURNING organisation_id, id, campaign_id, mailbox_id
)
INSERT INTO outreach.tasks (organisation_id, campaign_id, enrollment_id, workflow_step_id,
    scheduled_for, status, mailbox_id, step_index, is_approved)
SELECT new.organisation_id, new.campaign_id, new.id, s.id,
    %(now)s::timestamptz - random() * interval '9 days', 'scheduled', new.mailbox_id,
    s.step_index, true
FROM new CROSS JOIN LATERAL (
    SELECT id, step_index FROM outreach.workflow_steps s
    WHERE s.organisation_id = new.organisation_id AND s.campaign_id = new.campaign_id
    ORDER BY md5(new.id::text || s.id::text) LIMIT 1
) s;
"""
ANALYZE = "VACUUM ANALYZE outreach.tasks, outreach.campaign_enrollments, outreach.campaigns"


def fill_claims(url: str, organisations: int, each: int) -> list[tuple[UUID, UUID]]:
    """So many organisations with so many more tasks; (organisation, mailbox) of each."""
    with psycopg.connect(url, autocommit=True) as superuser:
        if organisations:
            _all(superuser, ORGANISATIONS, {"count": organisations})
        _all(superuser, TASKS, {"each": each, "now": NOW})
        superuser.execute(ANALYZE)
        return superuser.execute("SELECT organisation_id, id FROM outreach.mailboxes").fetchall()


def analyze(url: str) -> None:
    """Let PostgreSQL know what is in its tables, as its own upkeep does sooner or later."""
    with psycopg.connect(url, autocommit=True) as superuser:
        superuser.execute("VACUUM ANALYZE")


def _all(superuser: psycopg.Connection, statements: str, told: dict[str, object]) -> None:
    for statement in statements.split(";"):
        if statement.strip():
            superuser.execute(statement.encode(), told if "%(" in statement else None)


def make_mailboxes(count: int, port: int, *, at_once: bool) -> list[Mailbox]:
    """Mailboxes at the sink: without a pause where they send at once, else as by default."""
    fields: dict[str, object] = {"smtp_port": port, "username": "", "last_synced_at": NOW}
    if at_once:
        fields |= {"pace_min_seconds": 0, "pace_max_seconds": 0, "windows": ALL_DAY}
        fields |= {"daily_limit": 1_000_000}
    return [make_mailbox(**fields) for _ in range(count)]


def make_running(mailbox: Mailbox, steps: int) -> Campaign:
    """A running campaign whose steps follow one another."""
    campaign = make_open_campaign(mailbox)
    for number in range(steps):
        make_step(campaign, delay_days=4 * bool(number), body_template=TEXT)
    return campaign


def make_positions(count: int, start: int = 0) -> list[Position]:
    """People of as many companies."""
    numbers = range(start, start + count)
    companies = Company.objects.bulk_create(
        Company(name=f"Société {n}", domain=f"societe{n}.fr") for n in numbers
    )
    people = Person.objects.bulk_create(
        Person(first_name="Ada", last_name=f"Lovelace {n}", identity_key=f"n:{n}") for n in numbers
    )
    return Position.objects.bulk_create(
        Position(company=company, person=person, email=f"ada{n}@societe{n}.fr")
        for n, company, person in zip(numbers, companies, people, strict=True)
    )


def make_approved(campaign: Campaign, positions: list[Position]) -> list[Task]:
    """First mails of all of them that may leave at once."""
    step = WorkflowStep.objects.filter(campaign=campaign).earliest("step_index")
    enrollments = Enrollment.objects.bulk_create(
        Enrollment(campaign=campaign, position=each, enrolled_at=NOW, mailbox=campaign.from_mailbox)
        for each in positions
    )
    tasks = Task.objects.bulk_create(
        Task(campaign=campaign, enrollment=each, workflow_step=step, scheduled_for=NOW)
        for each in enrollments
    )
    drafts = [
        Draft(
            task=task,
            recipient=task.enrollment.position.email,
            subject="Une idée courte pour votre vitrine",
            body_text=TEXT,
            approved_at=NOW,
            status="approved",
            organisation_id=campaign.organisation_id,
        )
        for task in tasks
    ]
    for draft in drafts:
        draft.approved_hash = rendered(draft, tracks=False).hash
    Draft.objects.bulk_create(drafts)
    return tasks
