"""Every page of every table: there, isolated, at a fixed cost, and without Django's own log."""

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.models import Company
from iam.models import AuditEvent, Organisation, Role
from prospectflow.console.tests.cast import make_row, no_rows, signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_company, make_position, make_task

ORGANISATION = "iam.Organisation"
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
TENANT_MODELS = [model for model in MODELS if model._meta.label != ORGANISATION]
MANY = 7


def named(model):
    return model._meta.label


def address(model, page, *args):
    meta = model._meta
    return reverse(f"console:{meta.app_label}_{meta.model_name}_{page}", args=args)


@pytest.fixture
def owner(organisation) -> Client:
    return signed_in(organisation)


@pytest.mark.parametrize("model", TENANT_MODELS, ids=named)
def test_a_list_costs_the_same_for_one_row_and_for_many(owner, organisation, model):
    def cost(numbers: range) -> int:
        with tenant(organisation.pk):
            rows = [make_row(model) for number in numbers]
        with CaptureQueriesContext(connection) as queries:
            answer = owner.get(address(model, "changelist"))
        assert str(rows[-1].pk) in answer.text
        return len(queries)

    assert cost(range(1)) == cost(range(1, MANY))


@pytest.mark.parametrize("model", TENANT_MODELS, ids=named)
def test_no_list_counts_its_rows_or_collects_its_values(owner, organisation, model):
    with CaptureQueriesContext(connection) as queries:
        owner.get(address(model, "changelist"))

    table = model._meta.db_table
    said = [query["sql"] for query in queries]
    assert not [sql for sql in said if f'COUNT(*) AS "__count" FROM "{table}"' in sql]
    assert not [sql for sql in said if sql.startswith("SELECT DISTINCT")]


@pytest.mark.parametrize("model", TENANT_MODELS, ids=named)
def test_the_pages_of_a_row_open_for_the_owner(owner, organisation, model):
    with tenant(organisation.pk):
        row = make_row(model)

    for page in ("change", "history"):
        assert owner.get(address(model, page, row.pk)).status_code == 200, page
    for page, args in (("delete", [row.pk]), ("add", [])):
        assert owner.get(address(model, page, *args)).status_code in {200, 403}, page


@pytest.mark.parametrize("model", TENANT_MODELS, ids=named)
def test_a_search_and_every_filter_answer(owner, organisation, model):
    model_admin = admin.site.get_model_admin(model)
    with tenant(organisation.pk):
        row = make_row(model)
    query = {"q": "zzz zzz"} if model_admin.search_fields else {}
    for field in model_admin.list_filter:
        if isinstance(field, str) and getattr(row, field) is not None:
            query[f"{field}__exact"] = getattr(row, field)

    answer = owner.get(address(model, "changelist"), query)

    assert answer.status_code == 200
    if model_admin.search_fields:
        assert str(row.pk) not in answer.text


@pytest.mark.parametrize("model", TENANT_MODELS, ids=named)
def test_another_organisations_row_is_nowhere(organisation, other_organisation, model):
    with tenant(other_organisation.pk):
        theirs = make_row(model)
    owner = signed_in(organisation)

    listed = owner.get(address(model, "changelist"))
    answers = [owner.get(address(model, page, theirs.pk)) for page in ("change", "history")]
    answers.append(owner.post(address(model, "delete", theirs.pk), {"post": "yes"}))

    assert {answer.status_code for answer in answers} <= {302, 403}
    assert str(theirs.pk) not in listed.text
    with tenant(other_organisation.pk):
        assert model.objects.filter(pk=theirs.pk).exists()


def test_the_organisations_own_page_shows_it_and_no_other(organisation, other_organisation):
    owner = signed_in(organisation)

    listed = owner.get(address(Organisation, "changelist"))

    assert "Acme" in listed.text
    assert "Other Ltd" not in listed.text
    assert owner.get(address(Organisation, "change", organisation.pk)).status_code == 200
    assert owner.get(address(Organisation, "change", other_organisation.pk)).status_code == 302


def test_a_time_zone_that_no_clock_knows_is_refused(owner, organisation):
    page = address(Organisation, "change", organisation.pk)
    form = owner.get(page).context["adminform"].form
    data = {name: form[name].value() for name in form.fields}

    answer = owner.post(page, data | {"time_zone": "Europe/Marseille"})

    assert "Europe/Paris" in answer.context["adminform"].form.errors["time_zone"][0]
    assert owner.post(page, data | {"time_zone": "Indian/Reunion"}).status_code == 302


def test_hours_are_shown_in_the_organisations_zone(organisation):
    with tenant(organisation.pk):
        make_task()  # at noon, UTC

    assert "24 Nov 2026, 13:00" in signed_in(organisation).get("/outreach/task/").text


@pytest.mark.parametrize("model", TENANT_MODELS, ids=named)
def test_a_viewer_changes_nothing(organisation, model):
    with tenant(organisation.pk):
        row = make_row(model)
    viewer = signed_in(organisation, role=Role.VIEWER)

    assert viewer.post(address(model, "add"), {}).status_code == 403
    assert viewer.post(address(model, "change", row.pk), {}).status_code == 403
    assert viewer.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_a_search_finds_a_position_by_address_name_and_company(owner, organisation):
    with tenant(organisation.pk):
        company = make_company(name="Tissus Sud", domain="tissus.example")
        wanted = make_position(email="zoe@tissus.example", company=company)
        make_position()

    for text in ("Zoe@tissus", "tissus.example", "@tissus", "LOVELACE tissus", "sud"):
        answer = owner.get(reverse("console:crm_position_changelist"), {"q": text})
        assert str(wanted.pk) in answer.text, text
        assert answer.text.count('name="_selected_action"') == 1, text


def test_a_lookup_that_no_index_serves_is_refused(owner):
    answer = owner.get(reverse("console:crm_company_changelist"), {"name__icontains": "a"})

    assert answer.status_code == 400


@pytest.mark.parametrize(("rows", "page", "links"), [(3, 1, 0), (4, 1, 1), (4, 2, 0), (6, 2, 0)])
def test_next_leads_only_to_a_page_with_rows(owner, organisation, monkeypatch, rows, page, links):
    monkeypatch.setattr(admin.site.get_model_admin(Company), "list_per_page", 3)
    with tenant(organisation.pk):
        for _ in range(rows):
            make_company()

    text = owner.get(reverse("console:crm_company_changelist"), {"p": page}).text

    assert text.count('name="_selected_action"') == min(3, rows - 3 * (page - 1))
    assert text.count('rel="next"') == links
    assert text.count('rel="prev"') == (page > 1)


@pytest.mark.parametrize(("rows", "offered"), [(3, False), (4, True)])
def test_a_whole_list_is_offered_for_selection_only_where_it_is_longer_than_the_page(
    owner, organisation, monkeypatch, rows, offered
):
    monkeypatch.setattr(admin.site.get_model_admin(Company), "list_per_page", 3)
    with tenant(organisation.pk):
        for _ in range(rows):
            make_company()

    text = owner.get(reverse("console:crm_company_changelist")).text

    assert ("Select all companies of this list" in text) == offered
    assert "9999999999" not in text


def test_companies_are_filtered_by_their_category(owner, organisation):
    with tenant(organisation.pk):
        large, small = make_company(category="GE"), make_company(category="PME")

    text = owner.get(reverse("console:crm_company_changelist"), {"category": "GE"}).text

    assert str(large.pk) in text
    assert str(small.pk) not in text


def test_autocomplete_finds_only_our_rows(organisation, other_organisation):
    with tenant(other_organisation.pk):
        make_company(name="Tissus Nord")
    with tenant(organisation.pk):
        make_company(name="Tissus Sud")
    query = {
        "term": "tissus",
        "app_label": "crm",
        "model_name": "position",
        "field_name": "company",
    }

    found = signed_in(organisation).get(reverse("console:autocomplete"), query).json()["results"]

    assert [each["text"] for each in found] == ["Tissus Sud"]


def test_adding_and_changing_is_written_to_the_organisations_trail_alone(owner, organisation):
    first = {"name": "Tissus Sud", "diffusion": "O", "country": "FR"} | no_rows("positions")
    owner.post(reverse("console:crm_company_add"), first)
    with tenant(organisation.pk):
        company = Company.objects.get(name="Tissus Sud")

    page = reverse("console:crm_company_change", args=[company.pk])
    owner.post(page, first | {"city": "Marseille"})
    owner.post(reverse("console:crm_company_delete", args=[company.pk]), {"post": "yes"})

    with tenant(organisation.pk):
        actions = AuditEvent.objects.filter(object_id=str(company.pk)).order_by("at", "id")
        assert [entry.action for entry in actions] == ["added", "changed", "deleted"]
        assert "City" in actions[1].description
        assert not Company.objects.filter(pk=company.pk).exists()
    assert not LogEntry.objects.exists()


def test_deleting_several_rows_is_written_to_the_trail(owner, organisation):
    with tenant(organisation.pk):
        companies = [make_company(), make_company()]
    wanted = [company.pk for company in companies]

    owner.post(
        reverse("console:crm_company_changelist"),
        {"action": "delete_selected", "_selected_action": wanted, "post": "yes"},
    )

    with tenant(organisation.pk):
        assert AuditEvent.objects.filter(action="deleted").count() == 2
        assert not Company.objects.exists()
    assert not LogEntry.objects.exists()


def test_a_company_named_like_a_script_is_only_text(owner, organisation):
    with tenant(organisation.pk):
        company = make_company(name="<script>alert(1)</script>", provenance={"<b>": "<i>x</i>"})
        position = make_position(company=company)

    pages = [
        reverse("console:crm_company_changelist"),
        reverse("console:crm_company_change", args=[company.pk]),
        reverse("console:crm_company_history", args=[company.pk]),
        reverse("console:crm_company_delete", args=[company.pk]),
        reverse("console:crm_position_change", args=[position.pk]),
        reverse("console:thread", args=[position.pk]),
    ]

    for page in pages:
        text = owner.get(page).text
        assert "<script>alert(1)" not in text, page
        assert "<i>x</i>" not in text, page
        assert "&lt;script&gt;alert(1)" in text, page


def test_a_suppressed_address_is_kept_as_a_hash(owner, organisation):
    from outreach.services.suppressing import suppression_of

    owner.post(
        reverse("console:outreach_suppression_add"),
        {"address_or_domain": "Never@Example.com", "reason": "by_hand", "source": "a call"},
    )

    with tenant(organisation.pk):
        found = suppression_of("never@example.com")
        assert found is not None
        assert found.domain is None
        assert AuditEvent.objects.filter(action="added", object_id=str(found.pk)).exists()
