"""Sealed credentials: opened by any listed key, and never shown by an error."""

import traceback

import pytest
from cryptography.fernet import Fernet

from outreach.credentials import (
    CredentialKeyRefused,
    CredentialUnreadable,
    reseal,
    seal,
    unseal,
)

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
SECRET = "mot de passe é €"


def test_what_was_sealed_is_unsealed_and_cannot_be_read_in_between():
    sealed = seal(SECRET, [NEW])

    assert unseal(sealed, [NEW]) == SECRET
    assert SECRET not in sealed
    assert seal(SECRET, [NEW]) != sealed


def test_an_older_key_still_opens_and_resealing_lets_it_retire():
    sealed = seal(SECRET, [OLD])

    assert unseal(sealed, [NEW, OLD]) == SECRET
    assert unseal(reseal(sealed, [NEW, OLD]), [NEW]) == SECRET


@pytest.mark.parametrize("act", [unseal, reseal])
@pytest.mark.parametrize("sealed", [seal(SECRET, [OLD]), "", "not sealed at all", "é"])
def test_what_no_key_opens_is_refused_in_one_sentence(act, sealed):
    with pytest.raises(CredentialUnreadable, match="No key in CREDENTIAL_KEYS opens"):
        act(sealed, [NEW])


@pytest.mark.parametrize("keys", [[], [""], ["too short"], [NEW, "é"]])
def test_keys_that_are_no_keys_are_refused_without_being_shown(keys):
    with pytest.raises(CredentialKeyRefused, match="CREDENTIAL_KEYS needs") as refusal:
        seal(SECRET, keys)

    shown = "".join(traceback.format_exception(refusal.value, chain=True))
    assert "too short" not in str(refusal.value)
    assert SECRET not in shown


def test_the_keys_come_from_the_settings_unless_given(settings):
    settings.CREDENTIAL_KEYS = [NEW]

    assert unseal(seal(SECRET)) == SECRET
    assert unseal(seal(SECRET), [NEW]) == SECRET
