"""The plan on the real schema, with stand-ins for Citus that refuse what it refuses."""

import re

import psycopg
import pytest
from django.core.management import call_command

from prospectflow.operations.citus import statements
from prospectflow.operations.citus.elsewhere import EVERY_SHARD
from prospectflow.operations.citus.tables import distributed, reference
from prospectflow.operations.validation.catalogue import place
from prospectflow.tenancy import SCHEMAS
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_campaign, make_mailbox, make_organisation

# Citus's rules, from its documentation and its issue 7132: a key holds the column by which rows are
# spread; a reference leads to a table spread alike, that column in the same place, and empties
# nothing with it; or to one that is on every node; and triggers want a switch.
STAND_IN = """
CREATE TABLE pg_temp.spread (place regclass PRIMARY KEY, kind text, like_table regclass);
CREATE FUNCTION pg_temp.refuse(sentence text, subjects text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN IF subjects IS NOT NULL THEN RAISE '%: %', sentence, subjects; END IF; END $$;
CREATE FUNCTION pg_temp.create_reference_table(place text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_temp.refuse('refers to a table that is not on every node', string_agg(conname, ' '))
        FROM pg_constraint WHERE contype = 'f' AND conrelid = place::regclass
        AND confrelid <> conrelid AND confrelid::regclass::text !~ '^(public\\.)?(auth|django)_'
        AND confrelid NOT IN (SELECT s.place FROM pg_temp.spread s WHERE kind = 'reference');
    INSERT INTO pg_temp.spread VALUES (place::regclass, 'reference');
END $$;
CREATE FUNCTION pg_temp.create_distributed_table(
    place text, by_column text, colocate_with text DEFAULT NULL
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one oid := place::regclass;
    by_number smallint := attnum FROM pg_attribute WHERE attrelid = one AND attname = by_column;
BEGIN
    INSERT INTO pg_temp.spread
        VALUES (one, 'distributed', coalesce(colocate_with, place)::regclass);
    PERFORM pg_temp.refuse('unique without the column', string_agg(indexrelid::regclass::text, ' '))
        FROM pg_index WHERE indrelid = one AND indisunique AND by_number <> ALL (indkey);
    PERFORM pg_temp.refuse('refers elsewhere', string_agg(conname, ' '))
        FROM pg_constraint c LEFT JOIN pg_temp.spread s ON s.place = confrelid
        LEFT JOIN pg_attribute a ON attrelid = confrelid AND attname = by_column
        WHERE contype = 'f' AND conrelid = one AND kind IS DISTINCT FROM 'reference'
        AND NOT coalesce(
            like_table = (SELECT m.like_table FROM pg_temp.spread m WHERE m.place = one)
            AND array_position(conkey, by_number) = array_position(confkey, attnum), false);
    PERFORM pg_temp.refuse('empties with the column in it', string_agg(conname, ' '))
        FROM pg_constraint WHERE contype = 'f' AND conrelid = one
        AND by_number = ANY (conkey) AND (confdeltype IN ('n', 'd') OR confupdtype <> 'a');
    PERFORM pg_temp.refuse('has triggers', string_agg(tgname, ' ')) FROM pg_trigger
        WHERE tgrelid = one AND NOT tgisinternal
        AND current_setting('citus.enable_unsafe_triggers', true) IS DISTINCT FROM 'on';
END $$;
"""
DEFINERS = (
    "SELECT pronamespace::regnamespace || '.' || proname, prosrc FROM pg_proc"
    " WHERE prosecdef AND prorettype <> 'trigger'::regtype"
    " AND pronamespace::regnamespace::text = ANY (%s)"
)


@pytest.fixture
def owner(owner_url):
    with psycopg.connect(owner_url) as database:
        yield database
        database.rollback()


def plan(without=""):
    """What the plan does inside its transaction, with the stand-ins called."""
    inner = "\n\n".join(statements()).partition("BEGIN;")[2].rpartition("COMMIT;")[0]
    kept = inner.replace("SELECT create_", "SELECT pg_temp.create_")
    return "\n".join(line for line in kept.splitlines() if not without or without not in line)


def test_the_command_prints_the_plan(capsys):
    call_command("citus_plan")

    assert capsys.readouterr().out.startswith("-- From one PostgreSQL to a Citus cluster")


def test_every_table_of_ours_is_either_spread_or_on_every_node():
    spread = {place(model) for model in distributed()}
    whole = {place(model) for model in reference()}

    assert spread & whole == set()
    assert {"crm.companies", "outreach.messages", "tracking.pixels", "iam.audit_events"} <= spread
    assert {name for name in whole if not name.startswith("iam.")} == {"outreach.platform"}


def test_every_key_of_the_real_schema_is_legal_once_the_plan_has_run(owner):
    owner.execute(STAND_IN)

    owner.execute(plan())

    kinds = owner.execute("SELECT kind, count(*) FROM pg_temp.spread GROUP BY kind").fetchall()
    assert dict(kinds) == {"reference": len(reference()), "distributed": len(distributed())}
    beside = "SELECT count(DISTINCT like_table) FROM pg_temp.spread WHERE kind = 'distributed'"
    assert owner.execute(beside).fetchone() == (1,)


@pytest.mark.parametrize(
    ("planted", "refusal"),
    [
        ("CREATE UNIQUE INDEX planted ON crm.companies (siren)", "unique without the column"),
        ("ALTER TABLE crm.phones ADD planted uuid; CREATE UNIQUE INDEX beside ON crm.people"
         " (id, organisation_id); ALTER TABLE crm.phones ADD CONSTRAINT planted"
         " FOREIGN KEY (planted, organisation_id) REFERENCES crm.people (organisation_id, id)",
         "refers elsewhere"),
        ("ALTER TABLE crm.phones ADD planted uuid; ALTER TABLE crm.phones ADD CONSTRAINT planted"
         " FOREIGN KEY (organisation_id, planted) REFERENCES crm.people"
         " ON DELETE SET NULL (planted)",
         "empties with the column in it"),
        ("ALTER TABLE iam.users ADD planted uuid REFERENCES iam.users;"
         " ALTER TABLE iam.users ADD organisation uuid; ALTER TABLE iam.users ADD FOREIGN KEY"
         " (organisation, planted) REFERENCES crm.companies", "not on every node"),
    ],
)  # fmt: skip
def test_the_stand_ins_refuse_what_citus_refuses(owner, planted, refusal):
    owner.execute(STAND_IN)
    owner.execute(planted)

    with pytest.raises(psycopg.errors.RaiseException, match=refusal):
        owner.execute(plan())


def test_triggers_want_their_switch(owner):
    owner.execute(STAND_IN)

    with pytest.raises(psycopg.errors.RaiseException, match="has triggers"):
        owner.execute(plan(without="enable_unsafe_triggers"))


def test_a_deletion_still_empties_what_referred_to_the_row(committed, owner):
    organisation = make_organisation()
    with tenant(organisation.pk):
        mailbox = make_mailbox()
        campaign = make_campaign(from_mailbox=mailbox)
    owner.execute(STAND_IN)
    owner.execute(plan())

    owner.execute("DELETE FROM outreach.mailboxes WHERE id = %s", [mailbox.pk])
    owner.execute("SET CONSTRAINTS ALL IMMEDIATE")

    left = "SELECT organisation_id, from_mailbox_id FROM outreach.campaigns WHERE id = %s"
    assert owner.execute(left, [campaign.pk]).fetchall() == [(organisation.pk, None)]


def test_each_function_that_asks_every_shard_is_listed_with_its_reason(owner):
    spread = "|".join(re.escape(place(model)) for model in distributed())
    roaming = {
        name
        for name, body in owner.execute(DEFINERS, [[*SCHEMAS, "public"]])
        if re.search(rf"\b({spread})\b", body)
    }
    assert roaming == set(EVERY_SHARD)
