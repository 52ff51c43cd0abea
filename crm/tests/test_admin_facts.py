"""What is filled in on the console's pages is read, settled and sourced as everywhere."""

import pytest
from django.urls import reverse

from crm.models import Company, MailDomain, Phone, Position
from iam.models import Organisation
from prospectflow.console.tests.cast import signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_company, make_person, make_position
from prospectflow.testing.rows import make_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(organisation):
    return signed_in(organisation)


def inline(prefix, *forms, initial=0):
    """The form data of an inline with these rows."""
    data = {f"{prefix}-TOTAL_FORMS": str(len(forms)), f"{prefix}-INITIAL_FORMS": str(initial)}
    rows = enumerate(forms)
    return data | {f"{prefix}-{n}-{name}": value for n, row in rows for name, value in row.items()}


def only(model, organisation: Organisation):
    with tenant(organisation.pk):
        return model.objects.get()


def test_a_company_filled_in_by_hand_notes_that_source(owner, organisation):
    form = {"name": " Acme  SAS", "siren": "732829320", "website_url": "WWW.acme.fr/"}
    form |= {"diffusion": "O", "country": "fr"} | inline("positions")

    answer = owner.post(reverse("console:crm_company_add"), form)

    assert answer.status_code == 302, answer.context["errors"]
    company = only(Company, organisation)
    assert (company.name, company.domain, company.country) == ("Acme SAS", "acme.fr", "FR")
    assert company.provenance["siren"]["source"] == "hand"
    assert "city" not in company.provenance


def test_a_register_number_that_fails_its_check_is_a_sentence_at_its_field(owner, organisation):
    form = {"name": "Acme", "siren": "732829321", "diffusion": "O", "country": "FR"}

    answer = owner.post(reverse("console:crm_company_add"), form | inline("positions"))

    assert "is no valid SIREN" in answer.content.decode()
    with tenant(organisation.pk):
        assert not Company.objects.exists()


def test_a_siret_of_another_siren_is_a_sentence_on_the_page(owner, organisation):
    form = {"name": "Acme", "siren": "732829320", "hq_siret": "55208131766522"}
    form |= {"diffusion": "O", "country": "FR"} | inline("positions")

    answer = owner.post(reverse("console:crm_company_add"), form, follow=True)

    assert "begins with its company" in answer.content.decode()
    with tenant(organisation.pk):
        assert not Company.objects.exists()


def test_an_address_changed_beside_its_company_forgets_the_old_ones_status(owner, organisation):
    with tenant(organisation.pk):
        position = make_position(email_status="valid", email_reliability=98)
    row = {"id": position.pk, "company": position.company_id, "person": position.person_id}
    row |= {"email": "Contact@Acme.fr", "email_status": "valid", "job_title": position.job_title}
    form = {"name": position.company.name, "diffusion": "O", "country": "FR"}

    answer = owner.post(
        reverse("console:crm_company_change", args=[position.company_id]),
        form | inline("positions", row, initial=1),
    )

    assert answer.status_code == 302, answer.context["errors"]
    position = only(Position, organisation)
    assert (position.email, position.email_status) == ("contact@acme.fr", "generic")
    assert position.email_reliability is None
    assert position.provenance["email"]["source"] == "hand"


def test_a_number_added_beside_its_person_is_read_by_the_plan(owner, organisation):
    with tenant(organisation.pk):
        person = make_person()
    number = {"number": "0612345678", "kind": "other", "source": "hand"}
    form = {"last_name": "Lovelace"} | inline("positions") | inline("phones", number)

    answer = owner.post(reverse("console:crm_person_change", args=[person.pk]), form)

    assert answer.status_code == 302, answer.context["errors"]
    assert only(Phone, organisation).number == "+33612345678"


def test_a_position_deleted_beside_its_company_is_gone(owner, organisation):
    with tenant(organisation.pk):
        company = make_company()
        position = make_position(company=company)
    row = {"id": position.pk, "company": company.pk, "person": position.person_id}
    row |= {"email_status": "unknown", "DELETE": "on"}
    form = {"name": company.name, "diffusion": "O", "country": "FR"}

    owner.post(
        reverse("console:crm_company_change", args=[company.pk]),
        form | inline("positions", row, initial=1),
    )

    with tenant(organisation.pk):
        assert not Position.objects.exists()


def test_a_position_shows_how_far_its_address_was_verified(owner, organisation):
    with tenant(organisation.pk):
        position = make_position(email="ada@bar.example.com")
        make_row(MailDomain, domain="bar.example.com", state="refuses")

    shown = owner.get(reverse("admin:crm_position_change", args=[position.pk]))

    assert "its domain takes none" in shown.text
    assert owner.get(reverse("admin:crm_position_add")).status_code == 200
