"""Whom a row means: the same address, person or company, in its file and among those stored."""

from crm.importing.services import import_prospects
from crm.models import Company, Person, Phone, Position
from crm.tests.stored import ADA, AT, LATER, counts, duplicates, everything, refused, repeated


def test_within_a_file_the_first_value_of_a_company_stands_and_later_rows_fill_gaps(inside, file):
    siren = {"siren": "732829320"}
    bob = {"company_name": "Le Bar", "email": "bob@bar.example.com", "city": "Aix"}

    import_prospects(file(ADA | siren, bob | siren), at=AT)

    company = Company.objects.get()
    assert (company.name, company.city) == ("Bar des Amis", "Aix")


def test_the_same_address_twice_keeps_the_first_row(inside, file):
    again = ADA | {"email": " ADA@Bar.example.com ", "last_name": "Other"}

    _report, problems = import_prospects(file(ADA, again), at=AT)

    assert duplicates(problems) == [(3, "duplicate_address")]
    assert "Row 2" in repeated(problems).sentence
    assert Person.objects.get().last_name == "Lovelace"


def test_the_same_person_in_the_same_company_twice_keeps_the_first_row(inside, file):
    again = ADA | {"email": "a.lovelace@bar.example.com", "first_name": "ADA"}

    _report, problems = import_prospects(file(ADA, again), at=AT)

    assert duplicates(problems) == [(3, "duplicate_person")]
    assert "Row 2" in repeated(problems).sentence
    assert counts()[:3] == [1, 1, 1]


def test_a_duplicate_person_fills_gaps_of_person_and_company(inside, file):
    page = {"linkedin": "linkedin.com/in/ada", "siren": "732829320", "mobile": "0612345678"}
    again = ADA | page | {"email": "a.lovelace@bar.example.com"}

    import_prospects(file(ADA | {"city": "Aix"}, again | {"city": "Arles"}), at=AT)

    person, company = Person.objects.get(), Company.objects.get()
    assert person.linkedin_url == "https://www.linkedin.com/in/ada"
    assert (company.siren, company.city) == ("732829320", "Aix")
    assert Phone.objects.get().number == "+33612345678"
    assert Position.objects.get().email == "ada@bar.example.com"


def test_a_refused_first_row_does_not_make_the_second_a_duplicate(inside, file):
    report, problems = import_prospects(file(ADA | {"company_name": ""}, ADA), at=AT)

    assert refused(problems) == [(2, "company_name_missing")]
    assert (duplicates(problems), report.rows_duplicate) == ([], 0)
    assert Position.objects.count() == 1


def test_homonyms_with_pages_of_their_own_are_two_people(inside, file):
    page = "https://www.linkedin.com/in/ada-"
    one = ADA | {"linkedin": f"{page}1"}
    two = ADA | {"linkedin": f"{page}2", "email": "ada2@bar.example.com"}

    import_prospects(file(one, two), at=AT)

    assert Person.objects.count() == 2


def test_a_person_with_one_page_may_hold_positions_in_two_companies(inside, file):
    page = {"linkedin": "https://fr.linkedin.com/in/Ada/"}
    other = {
        "company_name": "Autre",
        "email": "ada@autre.example.com",
        "website": "autre.example.com",
    }

    import_prospects(file(ADA | page, ADA | other | page), at=AT)

    assert counts()[:3] == [2, 1, 2]


def test_a_person_known_by_address_is_known_by_their_page_once_it_is_learnt(inside, file):
    import_prospects(file(ADA), at=AT)
    assert Person.objects.get().identity_key == "email:ada@bar.example.com"

    import_prospects(file(ADA | {"linkedin": "linkedin.com/in/ada"}), at=LATER)

    assert Person.objects.get().identity_key == "linkedin:in/ada"


def test_a_person_entered_by_hand_is_met_by_their_page(inside, file):
    page = "https://www.linkedin.com/in/ada"
    Person.objects.create(last_name="Lovelace", linkedin_url=page)

    import_prospects(file(ADA | {"linkedin": page}), at=AT)

    assert Person.objects.get().identity_key == "linkedin:in/ada"


def test_an_address_known_as_another_persons_is_refused(inside, file):
    page = "https://www.linkedin.com/in/"
    import_prospects(file(ADA | {"linkedin": f"{page}ada"}), at=AT)
    before = everything()

    bob = ADA | {"first_name": "Bob", "last_name": "Martin", "linkedin": f"{page}bob"}
    _report, problems = import_prospects(file(bob), at=LATER)

    assert refused(problems) == [(2, "address_of_another")]
    assert "Ada Lovelace" in problems[0].sentence
    assert everything() == before


def test_companies_of_one_name_and_site_with_two_sirens_stay_two(inside, file):
    second = {"email": "bob@bar.example.com", "first_name": "Bob", "siren": "356000000"}

    import_prospects(file(ADA | {"siren": "732829320"}, ADA | second), at=AT)

    assert set(Company.objects.values_list("siren", flat=True)) == {"732829320", "356000000"}


def test_companies_without_a_number_are_met_by_site_and_name(inside, file):
    bob = ADA | {
        "email": "bob@bar.example.com",
        "first_name": "Bob",
        "company_name": "BAR DES AMIS",
    }
    carol = {"company_name": "Autre", "email": "carol@bar.example.com"}

    import_prospects(file(ADA, bob, carol), at=AT)

    assert set(Company.objects.values_list("name", flat=True)) == {"Bar des Amis", "Autre"}


def test_a_pharow_number_of_another_company_is_left_out(inside, file):
    headers = {"Nom légal": "BAR", "Email": "ada@bar.example.com", "ID entreprise Pharow": "7"}
    one = headers | {"SIREN": "732829320"}
    two = headers | {"SIREN": "356000000", "Email": "bob@bar.example.com"}

    import_prospects(file(one, two), at=AT, profile="pharow")

    numbers = Company.objects.order_by("siren").values_list("siren", "pharow_company_id")
    assert list(numbers) == [("356000000", None), ("732829320", "7")]
