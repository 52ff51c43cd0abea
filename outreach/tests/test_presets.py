"""What a provider is known for fills in what was left blank, and bounds what may be asked of it."""

import pytest

from outreach.models import Mailbox
from outreach.presets import HIGHEST_CEILING, PRESETS, RECOMMENDED, ceiling_of, preset_of
from outreach.services.mailbox_secrets import Entered, keep
from outreach.services.mailboxes import faults_of, fill_in
from outreach.services.signing_in import oauth_secrets
from outreach.states import Provider, Security
from prospectflow.testing.factories import make_mailbox

KNOWN = [provider for provider in Provider if provider != Provider.OTHER]
OAUTH = {"sign_in": "oauth", "oauth_client_id": "us"}
TOKENS = Entered(oauth_client_secret="hush", oauth_refresh_token="renew-me")
SERVERS = {"smtp_host": "smtp.a.example", "imap_host": "imap.a.example"}
TYPED_AGAIN = "again: it is not handed to another server or user by itself."


def mailbox(**fields) -> Mailbox:
    given = {"address": "zoe@a.example", "username": "zoe", "smtp_host": "", "imap_host": ""}
    return Mailbox(**(given | fields))


def faults(row: Mailbox, entered: Entered | None = None, before: Mailbox | None = None):
    return faults_of(row, entered or Entered(), before=before)


@pytest.mark.parametrize("provider", KNOWN)
def test_every_provider_that_is_known_has_servers_that_encrypt(provider):
    row = mailbox(provider=provider, pace_min_seconds=60)

    fill_in(row, Entered())

    assert faults(row) == {}
    assert Security.PLAIN not in (row.smtp_security, row.imap_security)
    assert RECOMMENDED[1] <= PRESETS[provider].daily_ceiling <= HIGHEST_CEILING


def test_a_server_that_was_named_stays_with_its_port_and_encryption():
    row = mailbox(provider="google", smtp_host="relay.a.example", smtp_port=2465)

    fill_in(row, Entered())

    assert (row.smtp_host, row.smtp_port, row.smtp_security) == (
        "relay.a.example",
        2465,
        "starttls",
    )
    assert (row.imap_host, row.imap_port, row.imap_security) == ("imap.gmail.com", 993, "tls")


def test_a_provider_nobody_knows_has_to_be_described():
    row = mailbox()

    fill_in(row, Entered())

    assert faults(row).keys() == {"smtp_host", "imap_host"}
    assert preset_of("other") is None


@pytest.mark.parametrize("provider", KNOWN)
def test_no_more_mails_a_day_than_the_provider_lets_out(provider):
    ceiling = ceiling_of(provider)
    row = mailbox(provider=provider, **SERVERS, daily_limit=ceiling)

    assert faults(row) == {}
    row.daily_limit += 1
    assert f"{ceiling:,} mails a day at most" in faults(row)["daily_limit"]


def test_the_ceilings_are_those_that_the_providers_publish():
    assert (ceiling_of("google"), ceiling_of("microsoft")) == (2_000, 10_000)


def test_thirty_mails_a_minute_are_microsofts_pace():
    row = mailbox(provider="microsoft", **SERVERS, pace_min_seconds=1)

    assert faults(row).keys() == {"pace_min_seconds"}
    row.pace_min_seconds = 2
    assert faults(row) == {}


# OAuth -----------------------------------------------------------------------------------------
def test_a_token_url_is_the_providers_unless_another_is_named():
    row = mailbox(provider="microsoft", **OAUTH)
    fill_in(row, TOKENS)
    mine = mailbox(provider="microsoft", oauth_token_url="https://login.a.example/", **OAUTH)
    fill_in(mine, TOKENS)

    assert row.oauth_token_url == PRESETS["microsoft"].oauth_token_url
    assert mine.oauth_token_url == "https://login.a.example/"
    assert faults(row, TOKENS) == faults(mine, TOKENS) == {}


@pytest.mark.parametrize("url", ["", "http://login.a.example/", "https://u:p@login.a.example/"])
def test_a_token_url_that_is_none_is_refused(url, settings):
    settings.DEBUG = False

    assert faults(mailbox(**SERVERS, **OAUTH, oauth_token_url=url), TOKENS).keys() == {
        "oauth_token_url"
    }


def test_what_a_sign_in_by_oauth_needs_is_asked_for():
    row = mailbox(provider="google", sign_in="oauth")
    fill_in(row, Entered())

    assert faults(row).keys() == {"oauth_client_id", "oauth_refresh_token"}


@pytest.fixture
def signed_in(inside) -> Mailbox:
    """A mailbox that signs in by OAuth, as it is stored."""
    row = make_mailbox(provider="google", **SERVERS, smtp_security="tls", imap_security="tls")
    row.sign_in, row.oauth_client_id = "oauth", "us"
    fill_in(row, TOKENS)
    keep(row, TOKENS, before=None)
    row.save()
    return row


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("oauth_token_url", "https://login.attacker.example/"),
        ("oauth_client_id", "them"),
        ("smtp_host", "mail.attacker.example"),
        ("imap_host", "mail.attacker.example"),
        ("username", "somebody"),
    ],
)
def test_a_kept_token_is_not_handed_to_anybody_else(signed_in, field, value):
    wanted = Mailbox.objects.get()
    setattr(wanted, field, value)

    assert TYPED_AGAIN in faults(wanted, before=signed_in)["oauth_refresh_token"]
    assert faults(wanted, Entered(oauth_refresh_token="typed"), before=signed_in) == {}


def test_another_token_url_is_not_told_the_old_clients_secret(signed_in):
    wanted = Mailbox.objects.get()
    wanted.oauth_token_url = "https://login.elsewhere.example/"

    keep(wanted, Entered(oauth_refresh_token="typed"), before=signed_in)

    assert oauth_secrets(wanted) == {"client_secret": "", "refresh_token": "typed"}


def test_one_of_the_secrets_is_changed_alone(signed_in):
    wanted = Mailbox.objects.get()

    keep(wanted, Entered(oauth_client_secret="newer"), before=signed_in)

    assert oauth_secrets(wanted) == {"client_secret": "newer", "refresh_token": "renew-me"}


def test_what_the_mailbox_does_not_sign_in_by_is_forgotten(signed_in):
    """Else it could be sent elsewhere by turning back once the server was changed."""
    wanted = Mailbox.objects.get()
    wanted.sign_in = "password"
    keep(wanted, Entered(password="sesame"), before=signed_in)
    assert (wanted.sealed_oauth, wanted.sealed_password != "") == ("", True)

    wanted.sign_in = "oauth"
    keep(wanted, TOKENS, before=signed_in)
    assert wanted.sealed_password == ""


# DKIM ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"dkim_selector": "s1", "dkim_domain": "a.example"}, None),
        ({"dkim_selector": "s1.mail", "dkim_domain": ""}, None),
        ({"dkim_selector": "s 1"}, "dkim_selector"),
        ({"dkim_selector": "-s"}, "dkim_selector"),
        ({"dkim_selector": "s_1"}, "dkim_selector"),
        ({"dkim_domain": "elsewhere.example"}, "dkim_domain"),
        ({"dkim_domain": "b.example"}, "dkim_domain"),
        ({"sealed_dkim_key": "sealed"}, "dkim_selector"),
    ],
)
def test_a_signature_stands_for_the_addresss_own_domain(fields, fault):
    found = faults(mailbox(**SERVERS, **fields))

    assert set(found) == ({fault} if fault else set())


def test_a_mailbox_below_a_domain_may_be_signed_for_by_it():
    row = mailbox(**SERVERS, address="zoe@mail.a.example", dkim_domain="a.example")

    assert faults(row) == {}


def test_a_key_that_is_none_is_refused():
    found = faults(mailbox(**SERVERS, dkim_selector="s1"), Entered(dkim_key="nonsense"))

    assert found == {
        "dkim_key": "Enter an RSA private key in PEM, without a passphrase, of at least 1024 bits."
    }
