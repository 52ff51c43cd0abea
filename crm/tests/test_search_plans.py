"""With many rows, each way of finding some reaches an index of its own below the policies."""

import re

import psycopg
from django.db import connection

from crm.models import Company, Person, Position
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_organisation

FILL = """
INSERT INTO crm.companies (name, siren, domain)
    SELECT md5(n::text), (100000000 + n)::text, md5(n::text) || '.example'
    FROM generate_series(1, 3000) n;
INSERT INTO crm.people (last_name, first_name)
    SELECT md5(n::text), md5('a' || n) FROM generate_series(1, 3000) n;
INSERT INTO crm.positions (person_id, company_id, email)
    SELECT p.id, c.id, left(p.last_name, 8) || '@' || c.domain
    FROM crm.people p JOIN crm.companies c ON c.name = p.last_name
"""
NAME, REGISTER, DOMAIN = "companies_name_search", "companies_once_by_siren", "companies_domain"
PERSON, ADDRESS = "people_name_search", "positions_email_prefix"
INDEXES = [
    (Company, "dupont solaire", {NAME}),
    (Company, "du", {NAME}),
    (Company, "73282", {NAME, REGISTER}),
    (Company, "732829", {REGISTER}),
    (Company, "bolt.ex", {NAME, DOMAIN}),
    (Company, "@bolt", {DOMAIN}),
    (Person, "marie curie", {PERSON}),
    (Person, "ada@bolt", {ADDRESS}),
    (Position, "dupont", {PERSON, NAME}),
    (Position, "dupont 732829", {PERSON, NAME, REGISTER}),
    (Position, "ada@bolt", {ADDRESS}),
    (Position, "@bolt", {DOMAIN}),
]


def fill(cursor):
    for statement in FILL.split(";"):
        cursor.execute(statement)


def test_every_way_of_finding_reaches_an_index_of_its_own(committed, owner_url):
    organisation = make_organisation()
    with tenant(organisation.pk), connection.cursor() as cursor:
        fill(cursor)
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE crm.companies, crm.people, crm.positions")

    plans = {}
    with tenant(organisation.pk), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for model, text, indexes in INDEXES:
            plan = model.objects.order_by().searched(text).explain()
            if not indexes <= set(re.findall(r"Scan (?:on|using) (\w+)", plan)):
                plans[model.__name__, text] = plan

    assert plans == {}


def test_a_page_of_a_list_and_of_a_rare_status_reads_its_own_rows_in_their_order(
    committed, owner_url
):
    organisation = make_organisation()
    with tenant(organisation.pk), connection.cursor() as cursor:
        fill(cursor)
        cursor.execute("UPDATE crm.positions SET list_name = 'List ' || ascii(email) % 20")
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE crm.positions")

    with tenant(organisation.pk):
        newest = Position.objects.order_by("-id")
        of_list = newest.filter(list_name="List 0")[:50].explain()
        rare = newest.filter(email_status="invalid")[:50].explain()

    assert "positions_of_list" in of_list
    assert "positions_rare_status" in rare
    assert "Sort" not in of_list
