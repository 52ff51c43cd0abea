"""The command that says when each mail of a campaign would leave."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import InternalError, connection

from crm.models import Position
from outreach.models import Forecast, Task
from outreach.services.campaigns import enroll
from outreach.tests.making import MORNING, make_open_campaign
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_organisation, make_position, make_step


@pytest.fixture
def organisation(committed):
    return make_organisation(name="Acme", slug="acme")


@pytest.fixture
def campaign(organisation):
    """Acme's running campaign of two steps, with three people in it."""
    with tenant(organisation.pk):
        campaign = make_open_campaign(name="Spring films")
        make_step(campaign)
        make_step(campaign, delay_days=4)
        enroll(campaign, [make_position() for _ in range(3)], at=MORNING)
        make_position(email="newcomer@example.com")
    return campaign


def told(*arguments: str) -> str:
    out = StringIO()
    call_command("simulate_campaign", *arguments, stdout=out)
    return out.getvalue()


def test_it_tells_each_day_with_a_bar_and_sums_up_in_sentences(campaign):
    text = told("Spring films", "--organisation", "acme")

    assert "█" in text
    assert "6 mails would leave to 3 of 3 people." in text
    assert "Counted as approved" in text


def test_json_holds_everything_and_each_mail_only_where_asked_for(campaign):
    plain = json.loads(told(str(campaign.pk), "--json"))
    whole = json.loads(told(str(campaign.pk), "--json", "--mails"))

    assert (plain["mails"], plain["people"], plain["waiting"]) == (6, 3, 0)
    assert sum(plain["by_day"].values()) == 6
    assert "each_mail" not in plain
    assert len(whole["each_mail"]) == 6
    assert {mail["step_index"] for mail in whole["each_mail"]} == {0, 1}


def test_every_single_mail_is_listed_where_asked_for(campaign, organisation):
    with tenant(organisation.pk):
        addresses = set(Task.objects.values_list("enrollment__position__email", flat=True))

    text = told("Spring films", "--mails")

    assert all(text.count(address) == 2 for address in addresses)


def test_everyone_counts_those_who_would_be_enrolled(campaign, organisation):
    assert json.loads(told("Spring films", "--everyone", "--json"))["people"] == 4
    with tenant(organisation.pk):
        assert Position.objects.filter(enrollments=None).count() == 1


def test_the_same_seed_draws_the_same_answers(campaign):
    def mailed(seed: str) -> list[tuple[str, int]]:
        options = ["--reply-rate", "0.5", "--seed", seed, "--days", "60", "--json", "--mails"]
        mails = json.loads(told("Spring films", *options))["each_mail"]
        # Not when: each run begins at its own moment.
        return sorted((mail["position"], mail["step_index"]) for mail in mails)

    assert mailed("1") == mailed("1")
    assert len({len(mailed(str(seed))) for seed in range(6)}) > 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["No such thing"], "There is no campaign “No such thing”"),
        (["Spring films", "--organisation", "nobody"], "nobody"),
        (["Spring films", "--days", "0"], "1 to 730 days"),
        (["Spring films", "--reply-rate", "3"], "share from 0 to 1"),
    ],
)
def test_what_cannot_be_simulated_is_one_sentence_and_exit_code_2(campaign, arguments, sentence):
    with pytest.raises(CommandError, match=sentence) as refused:
        told(*arguments)

    assert refused.value.returncode == 2


def test_a_name_that_two_organisations_use_asks_which(campaign):
    with tenant(make_organisation(slug="other").pk):
        make_step(make_open_campaign(name="Spring films"))

    with pytest.raises(CommandError, match="--organisation"):
        told("Spring films")
    assert "Nobody in this campaign waits" in told("Spring films", "--organisation", "other")


def test_the_command_writes_nothing(campaign, organisation, monkeypatch):
    read_only = {"options": "-c default_transaction_read_only=on"}
    with monkeypatch.context() as patch:
        given = connection.settings_dict["OPTIONS"] | read_only
        patch.setitem(connection.settings_dict, "OPTIONS", given)
        text = told("Spring films", "--everyone")
        with pytest.raises(InternalError, match="read-only"), tenant(organisation.pk):
            make_position()
        connection.close()

    assert "8 mails" in text
    with tenant(organisation.pk):
        assert not Forecast.objects.exists()
