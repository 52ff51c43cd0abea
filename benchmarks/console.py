"""Search and the console's lists, for an organisation that has half of the rows of each table."""

import argparse
import json
import os
import random
import re
import time
from collections.abc import Callable, Iterable
from statistics import quantiles
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prospectflow.settings")
django.setup()

import psycopg  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402

from crm.models import Company  # noqa: E402
from iam.models import Organisation, User  # noqa: E402
from prospectflow.operations import embedded  # noqa: E402
from prospectflow.tenancy.context import tenant  # noqa: E402
from prospectflow.tenancy.middleware import SESSION_KEY  # noqa: E402
from prospectflow.testing.asking import api, serve_as  # noqa: E402
from prospectflow.testing.factories import make_organisation, make_user  # noqa: E402


def words(run_together: str) -> list[str]:
    return re.findall("[A-Z][a-z]+", run_together)


HEADS = words("DupMarBerLerMorGirRouFauChaBonLamPerVinGauBouSimLauMerGarDavColHenRobPetFonBarRen")
TAILS = words("OntTinNardOuxEauArdIerEtElleInAudOisOtErtEauxAndOnIvalAcAultEry")
TRADES = words(
    "ConseilServicesSolairePlomberieBoulangerieTransportsImmobilierInformatiqueFormationAuditBois"
    "TextileNettoyageTraiteurCoiffureOptiquePharmacieGarageMenuiserieIsolationPaysagePiscines"
    "MeublesImprimerieArchitectureNotaireCourtageFinanceRecrutementCarrelageSerrurerieLogistique"
)
MIDDLES = ["", "an", "el", "in", "or", "ab", "ul", "es"]
SURNAMES = [
    head + between + tail.lower() for between in MIDDLES for tail in TAILS for head in HEADS
]
FIRST_NAMES = [head + tail.lower() for tail in words("IeAnEtteIneAs") for head in HEADS]
# Some words stand in many rows, most in few: `slope` says how uneven they are.
FILL = """
CREATE FUNCTION pg_temp.some(words text[], n bigint, seed int, slope float8) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT words[1 + floor(cardinality(words)
    * pow((hashint8extended(n, seed) & 2147483647)::float8 / 2147483648, slope))::int] $$;
CREATE FUNCTION pg_temp.id(kind text, n bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT ('0197c0de-' || kind || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
INSERT INTO crm.companies (organisation_id, id, name, siren, domain, naf_code, department,
    headcount_code, city)
SELECT %(organisation)s, pg_temp.id('0001', n),
    CASE WHEN n %% 7 = 0 THEN 'SCI ' ELSE '' END || surname || ' ' || trade
        || CASE WHEN n %% 3 = 0 THEN ' ' || n %% 1000 ELSE '' END,
    (100000000 + n)::text, lower(surname || '-' || trade || n) || '.example',
    lpad((1 + n %% 96)::text, 2, '0') || '.' || (10 + n %% 23) || 'Z',
    lpad((1 + n * 31 %% 95)::text, 2, '0'), (array['00', '01', '02', '03', '11', '12'])[1 + n %% 6],
    'Marseille'
FROM generate_series(1, %(rows)s::bigint) n,
    LATERAL (SELECT pg_temp.some(%(surnames)s, n, 1, 2) AS surname,
                    pg_temp.some(%(trades)s, n, 2, 1.5) AS trade) AS words;
INSERT INTO crm.people (organisation_id, id, first_name, last_name)
SELECT %(organisation)s, pg_temp.id('0002', n), pg_temp.some(%(first_names)s, n, 3, 2),
    pg_temp.some(%(surnames)s, n, 4, 2)
FROM generate_series(1, %(rows)s::bigint) n;
INSERT INTO crm.positions (organisation_id, id, person_id, company_id, job_title, list_name, email,
    email_status)
SELECT %(organisation)s, pg_temp.id('0003', n), pg_temp.id('0002', n),
    pg_temp.id('0001', 1 + n * 7919 %% %(rows)s), 'Gérant', 'List ' || n * 20 / %(rows)s,
    'address' || n || '@example.com', (array['valid', 'valid', 'unknown', 'generic'])[1 + n %% 4]
FROM generate_series(1, %(rows)s::bigint) n
"""
ARRAYS = {"surnames": SURNAMES, "trades": TRADES, "first_names": FIRST_NAMES}


def fill(organisations: Iterable[Organisation], rows: int) -> None:
    name = connection.settings_dict["NAME"]
    url = embedded.database_url(settings.LOCAL_DIRECTORY, role="superuser", database=name)
    for organisation in organisations:
        with psycopg.connect(url, cursor_factory=psycopg.ClientCursor) as superuser:
            superuser.execute("SET session_replication_role = replica")
            superuser.execute(FILL, {"organisation": organisation.pk, "rows": rows} | ARRAYS)
    with psycopg.connect(url, autocommit=True) as superuser:
        superuser.execute("VACUUM ANALYZE crm.companies, crm.people, crm.positions")


def some(chance: random.Random, names: list[str]) -> str:
    """One of the names, as often as rows bear it."""
    return names[int(len(names) * chance.random() ** 2)]


def contained(chance: random.Random, number: int) -> Iterable[str]:
    """Parts of words, two words, a name with its number, and one word of ten that nobody bears."""
    for n in range(number):
        surname, trade = some(chance, SURNAMES), some(chance, TRADES)
        part = surname[1:] if len(surname) > 4 else surname
        yield (part, trade, f"{surname} {trade}", f"{trade} {n}7", "zyxw" if n % 2 else part)[n % 5]


def prefixes(chance: random.Random, number: int) -> Iterable[str]:
    """Beginnings of SIRENs, and of domains."""
    for n in range(number):
        siren = str(100_000_000 + chance.randrange(50_000))
        domain = f"{some(chance, SURNAMES)}-{some(chance, TRADES)}{n}".lower()
        yield (siren[:5], f"@{domain}", siren[: 6 + n % 4], f"{domain}.ex")[n % 4]


def milliseconds(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


def p95(times: list[float]) -> float:
    return quantiles(times, n=20)[-1]


def search_times(texts: list[str], organisation_id: UUID, role: str) -> list[float]:
    """As the app below the policies; as the owner without them, the condition said instead."""
    serve_as(role)
    companies = Company.objects.order_by("name", "id")
    if role == "owner":
        companies = companies.filter(organisation_id=organisation_id)

    def ask(text: str) -> list[Company]:
        return list(companies.searched_for_a_page(text)[:51])

    with transaction.atomic() if role == "owner" else tenant(organisation_id):
        return [milliseconds(lambda text=text: ask(text)) for text in texts]


def signed_in(user: User, organisation: Organisation) -> Client:
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(user)
    session = client.session
    session[SESSION_KEY] = str(organisation.pk)
    session.save()
    return client


def page_times(client: Client, table: str, texts: list[str]) -> list[float]:
    """The first pages, sorted, filtered and searched, as a browser asks for them."""
    address = reverse(f"console:crm_{table}_changelist")
    asked: list[dict[str, object]] = [{}, {"p": 2}, {"p": 20}, *({"q": text} for text in texts)]
    if table != "position":
        asked += [{"o": "1"}, {"o": "-1"}]
    if table != "person":
        asked += [{"naf": "62"}, {"departments": "13, 2A"}, {"headcounts": ["11", "53"]}]
    if table == "position":
        asked += [{"list": "List 0"}, {"email_status__exact": "invalid"}]

    def ask(query: dict[str, object]) -> None:
        answer = client.get(address, query)
        if answer.status_code != 200:
            raise RuntimeError(f"{table} {query}: {answer.status_code}")

    return [milliseconds(lambda query=query: ask(query)) for query in asked]


def measure(rows: int, rounds: int) -> Iterable[tuple[str, float, float]]:
    owner = make_user()
    serve_as("app")
    organisation, beside = make_organisation(owner=owner), make_organisation()
    fill([beside, organisation], rows)
    chance = random.Random(1)  # noqa: S311
    searches = {
        "contains": list(contained(chance, 60)),
        "prefix": list(prefixes(chance, 60)),
    }
    among = f"{rows:,} companies among {2 * rows:,}"
    for name, texts in searches.items():
        times: dict[str, list[float]] = {"app": [], "owner": []}
        for role in ["app", "owner"] * (rounds + 1):
            times[role].append(search_times(texts, organisation.pk, role))  # type: ignore[arg-type]
        below, without = (p95([t for each in times[role][1:] for t in each]) for role in times)
        yield f"search {name}, {among}: p95 in ms", below, 100
        yield f"search {name}: below the policies by without them", below / without, 2
    serve_as("app")
    client = signed_in(owner, organisation)
    for table in ("company", "person", "position"):
        runs = [page_times(client, table, searches["contains"][:10]) for _ in range(rounds + 1)]
        page = p95([each for run in runs[1:] for each in run])
        yield f"console's list of {rows:,} rows ({table}), a page: p95 in ms", page, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with api():
        for figure, value, limit in measure(*((20_000, 1) if quick else (1_000_000, 5))):
            line = {"figure": figure, "value": round(value, 2), "goal": f"<= {limit}"}
            print(json.dumps(line | {"met": value <= limit}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
