"""Every stored secret is sealed by the newest key, once, whatever breaks in between."""

import json
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from outreach.credentials import seal, unseal
from outreach.models import Mailbox, WebhookEndpoint
from outreach.services import rotating
from outreach.services.rotating import rotate, sealed_columns
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_mailbox, make_organisation

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
COLUMNS = ["sealed_password", "sealed_oauth", "sealed_dkim_key"]


@pytest.fixture
def organisations(committed, settings):
    """Two organisations whose secrets the old key sealed; by now there is a newer one."""
    settings.CREDENTIAL_KEYS = [OLD]
    made = [make_organisation(), make_organisation()]
    for organisation in made:
        with tenant(organisation.pk):
            make_mailbox(**{column: seal(f"{column} of it") for column in COLUMNS})
            make_mailbox()  # without any
            WebhookEndpoint.objects.create(
                url="https://example.com/", events=["enrollment.replied"], sealed_secret=seal("w")
            )
    settings.CREDENTIAL_KEYS = [NEW, OLD]
    return made


def secrets(organisation) -> list[str]:
    with tenant(organisation.pk):
        mailbox = Mailbox.objects.exclude(sealed_password="").get()
        return [getattr(mailbox, column) for column in COLUMNS] + [
            WebhookEndpoint.objects.get().sealed_secret
        ]


def rotated() -> str:
    out = StringIO()
    call_command("rotate_credentials", stdout=out)
    return out.getvalue()


def test_afterwards_the_old_key_may_retire(organisations, settings):
    assert rotated() == "8 sealed anew, 0 by the newest key already.\n"

    settings.CREDENTIAL_KEYS = [NEW]
    for organisation in organisations:
        *ours, webhook = [unseal(each) for each in secrets(organisation)]
        assert ours == [f"{column} of it" for column in COLUMNS]
        assert webhook == "w"


def test_a_second_time_changes_nothing(organisations):
    rotated()
    before = [secrets(organisation) for organisation in organisations]

    assert rotated() == "0 sealed anew, 8 by the newest key already.\n"
    assert [secrets(organisation) for organisation in organisations] == before


@pytest.mark.parametrize("survived", range(8))
def test_broken_off_anywhere_it_goes_on_there(organisations, settings, monkeypatch, survived):
    """A page that was not committed is as it was, so nothing is ever half sealed."""
    left = iter(range(survived))
    reseal = rotating.reseal

    def killed(sealed: str) -> str:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return reseal(sealed)

    monkeypatch.setattr(rotating, "PAGE", 1)
    monkeypatch.setattr(rotating, "reseal", killed)
    with pytest.raises(KeyboardInterrupt):
        rotate()
    monkeypatch.setattr(rotating, "reseal", reseal)

    assert (rotate().sealed, rotate().newest) == (8 - survived, 8)
    settings.CREDENTIAL_KEYS = [NEW]
    assert all(unseal(each) for organisation in organisations for each in secrets(organisation))


def test_what_no_key_opens_is_named_and_the_others_are_rotated(organisations):
    with tenant(organisations[0].pk):
        Mailbox.objects.exclude(sealed_password="").update(sealed_oauth="broken")

    with pytest.raises(CommandError, match=r"outreach\.Mailbox .* \(sealed_oauth\)") as refusal:
        rotated()

    assert refusal.value.returncode == 2
    assert rotate().newest == 7


def test_no_sealed_column_is_forgotten():
    known = {(model._meta.label, column) for model, column in sealed_columns()}

    assert known == {
        *(("outreach.Mailbox", column) for column in COLUMNS),
        ("outreach.WebhookEndpoint", "sealed_secret"),
    }


def test_nothing_that_was_sealed_is_printed(organisations, settings):
    said = rotated()

    assert json.dumps([secrets(each) for each in organisations]) not in said
    assert "of it" not in said
