"""Every row of the table of refusals, its collisions, and texts of real servers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.answers import Kind, Scope, classify_answer

EXCHANGE = "societe-exemple-fr.mail.protection.outlook.com"

ENHANCED = [
    ("rcpt", 550, "5.1.1 <x@y.fr>: no mailbox", "hard"),
    ("rcpt", 550, "5.1.2 bad destination system", "hard"),
    ("rcpt", 553, "5.1.3 bad address syntax", "hard"),
    ("rcpt", 550, "5.1.6 mailbox has moved", "hard"),
    ("rcpt", 556, "5.1.10 null MX", "hard"),
    ("mail", 550, "5.1.7 bad sender syntax", "config"),
    ("rcpt", 550, "5.1.8 bad sender domain", "config"),
    ("rcpt", 550, "5.1.0 user unknown", "hard"),
    ("rcpt", 550, "5.1.0 rejected by policy", "block"),
    ("rcpt", 450, "4.1.1 user unknown", "soft"),
    ("rcpt", 450, "4.1.8 domain of sender not found", "soft"),
    ("rcpt", 450, "4.2.1 mailbox disabled", "soft"),
    ("rcpt", 451, "4.3.0 temporary failure", "soft"),
    ("rcpt", 451, "4.4.2 bad connection", "soft"),
    ("rcpt", 550, "5.2.1 mailbox disabled", "hard"),
    ("rcpt", 550, "5.2.1 The user you are trying to contact is receiving mail at a rate", "soft"),
    ("rcpt", 450, "4.2.1 The user is receiving mail too quickly", "soft"),
    ("rcpt", 452, "4.2.2 quota", "soft"),
    ("rcpt", 552, "5.2.2 quota", "soft"),
    ("data", 552, "5.2.3 message length", "config"),
    ("data", 552, "5.3.4 too big", "config"),
    ("rcpt", 550, "5.4.1 no answer", "soft"),
    ("rcpt", 550, "5.4.4 unrouteable", "hard"),
    ("rcpt", 554, "5.4.6 loop", "soft"),
    ("data", 550, "4.4.7 expired", "soft"),
    ("rcpt", 501, "5.5.4 invalid arguments", "config"),
    ("data", 554, "5.6.7 SMTPUTF8 required", "config"),
    ("data", 421, "4.7.28 unusual rate of mail", "block"),
    ("rcpt", 451, "4.7.1 greylisted", "block"),
    ("rcpt", 550, "5.7.1 message refused", "block"),
    ("rcpt", 550, "5.7.1 user unknown", "hard"),
    ("rcpt", 550, "5.7.1 RESOLVER.RST.AuthRequired; only authenticated senders", "hard"),
    ("data", 550, "5.7.26 unauthenticated", "block"),
    ("data", 550, "5.7.515 Access denied, sending domain does not meet the level", "block"),
    ("data", 550, "5.7.606 Access denied, banned sending IP", "block"),
]
BASIC = [
    *(("rcpt", code, "please wait", "soft") for code in (421, 450, 451, 452)),
    *(("rcpt", code, "bad command", "config") for code in (500, 501, 502, 503, 504)),
    *(("mail", code, "authentication", "config") for code in (530, 534, 535, 538)),
    ("rcpt", 521, "host accepts no mail", "hard"),
    ("rcpt", 556, "domain accepts no mail", "hard"),
    ("rcpt", 550, "no such user here", "hard"),
    ("rcpt", 550, "listed in a blocklist", "block"),
    ("rcpt", 550, "", "block"),
    ("rcpt", 551, "user not local", "hard"),
    ("rcpt", 552, "storage exceeded", "soft"),
    ("data", 552, "message size exceeds the limit", "config"),
    ("rcpt", 553, "mailbox name not allowed", "hard"),
    ("data", 553, "mailbox name not allowed", "config"),
    ("data", 554, "transaction failed", "block"),
    ("rcpt", 554, "transaction failed", "block"),
    ("rcpt", 554, "delivery error: this user doesn't have an account", "hard"),
    ("data", 554, "user unknown", "block"),
]
STAGES = [
    ("connect", 421, "too many connections from your host, slow down", "block"),
    ("connect", 421, "service not available", "soft"),
    ("connect", 554, "your IP is on a blacklist", "block"),
    ("connect", 554, "no SMTP service here", "config"),
    ("hello", 501, "invalid domain", "config"),
    ("auth", 535, "5.7.8 username and password not accepted", "config"),
    ("auth", 454, "4.7.0 temporary authentication failure", "soft"),
    ("auth", 550, "5.7.30 Basic authentication is not supported for Client Submission", "config"),
    ("mail", 550, "5.1.1 user unknown", "config"),
    ("mail", 550, "5.4.5 Daily user sending limit exceeded", "block"),
    ("mail", 553, "5.7.1 Sender address rejected: not owned by user", "config"),
    ("mail", 550, "5.7.1 refused: reputation", "block"),
    ("mail", 451, "4.3.2 try later", "soft"),
]
FRENCH = [
    ("rcpt", 550, "Utilisateur inconnu", "hard"),
    ("rcpt", 550, "Adresse d'au moins un destinataire invalide", "hard"),
    ("rcpt", 550, "L’adresse jean@exemple.fr n’existe pas", "hard"),
    ("rcpt", 550, "Destinataire introuvable", "hard"),
    ("rcpt", 550, "Boîte aux lettres désactivée", "hard"),
    ("rcpt", 550, "BOITE PLEINE", "soft"),
    ("rcpt", 550, "Quota dépassé", "soft"),
    ("rcpt", 451, "Liste grise, réessayez plus tard", "soft"),
    ("data", 550, "Message bloqué : politique de sécurité", "block"),
    ("rcpt", 550, "Adresse en liste noire", "block"),
    ("rcpt", 421, "OFR004_104 Trop de connexions, veuillez vérifier votre configuration", "block"),
    ("rcpt", 421, "OFR004_105 Refusé, réessayez plus tard", "block"),
]


@pytest.mark.parametrize(("stage", "code", "text", "kind"), ENHANCED + BASIC + STAGES + FRENCH)
def test_a_refusal_means_what_the_table_says(stage, code, text, kind):
    answer = classify_answer(stage, code, text)

    assert answer.kind == kind, answer.reason


@pytest.mark.parametrize("enhanced", ["5.7.27", "5.7.30"])
def test_colliding_codes_are_told_apart_by_their_text(enhanced):
    """RFC 7505 and Exchange use the same numbers for different things."""
    policy = classify_answer("data", 550, f"{enhanced} sender has null MX")
    switched_off = classify_answer("auth", 550, f"{enhanced} Basic authentication is disabled")

    assert (policy.kind, switched_off.kind) == ("block", "config")


def test_an_address_unknown_to_the_directory_is_dead_only_where_exchange_online_says_so():
    text = "5.4.1 Recipient address rejected: Access denied. AS(201806281)"

    assert classify_answer("rcpt", 550, text, EXCHANGE).kind == "hard"
    assert classify_answer("rcpt", 550, text, "mx.exemple.fr").kind == "soft"
    assert classify_answer("data", 550, text, EXCHANGE).kind == "soft"


def test_microsoft_says_mailbox_unavailable_under_a_protocol_code():
    text = "5.5.0 Requested action not taken: mailbox unavailable (S2017062302)"

    assert (
        classify_answer("rcpt", 550, text, "hotmail-com.olc.protection.outlook.com").kind == "hard"
    )


def test_an_answer_of_several_lines_is_read_as_one():
    text = "5.7.1 The email account that you tried to reach does\n5.7.1 not exist."

    assert classify_answer("rcpt", 550, text).kind == "hard"


def test_names_of_hosts_and_people_are_no_reasons():
    text = "<spam@liste-noire.fr>: unknown user at antispam.exemple.fr, see https://x.fr/policy"

    assert classify_answer("rcpt", 550, text).kind == "hard"


def test_an_answer_keeps_its_enhanced_code_scope_and_permanence():
    answer = classify_answer("RCPT", 550, "5.4.4 Host 10.5.7.1 not found")

    assert (answer.enhanced, answer.scope, answer.permanent) == ("5.4.4", Scope.DOMAIN, True)
    assert classify_answer("rcpt", 550, "host 5.1.1.2 said no").enhanced == ""


@pytest.mark.parametrize("stage", ["connect", "hello", "starttls", "auth", "mail"])
@given(code=st.integers(400, 599), text=st.text(max_size=80))
def test_nobody_is_held_dead_before_a_recipient_was_named(stage, code, text):
    assert classify_answer(stage, code, f"{text} 5.1.1 user unknown").kind is not Kind.HARD


@given(st.sampled_from(["rcpt", "data"]), st.integers(400, 499), st.text(max_size=80))
def test_a_temporary_answer_never_proves_a_dead_address(stage, code, text):
    assert classify_answer(stage, code, f"{text} user unknown 5.1.1").kind is not Kind.HARD


@given(st.text(max_size=8), st.integers(-1, 999), st.text(), st.text(max_size=20))
def test_every_answer_has_a_kind_whatever_the_server_says(stage, code, text, host):
    assert classify_answer(stage, code, text, host).kind in Kind
