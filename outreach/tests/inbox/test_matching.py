"""The traces by which an answer is matched to a message of ours."""

import pytest

from outreach.inbox.matching import Trace, plain_subject, references
from outreach.tests.inbox.corpus import OUR_ID, OURS, THEIRS, dsn, failed, mail, parse

LONG = f"<{'k' * 90}@{'prod.outlook.' * 3}com>"


def test_traces_come_strongest_first():
    message = mail(
        "Oui.",
        To="Camille <camille+k3jd8sl0@agence-exemple.fr>",
        In_Reply_To="<b@x>",
        References="<a@x> <b@x> <c@x>",
    )

    traces = [(one.trace.value, one.value) for one in references(message)]

    assert traces == [
        ("token", "k3jd8sl0"),
        ("in_reply_to", "<b@x>"),
        ("reference", "<c@x>"),
        ("reference", "<b@x>"),
        ("reference", "<a@x>"),
        ("sender", THEIRS),
        ("subject", "une idee"),
    ]
    assert references(message).message_ids == ["<b@x>", "<c@x>", "<b@x>", "<a@x>"]


def test_a_long_folded_id_comes_out_whole():
    raw = f"From: {THEIRS}\r\nReferences: {OUR_ID}\r\n {LONG}\r\nIn-Reply-To:\r\n {LONG}\r\n\r\nOui"

    found = references(parse(raw.encode()))

    assert found.of(Trace.IN_REPLY_TO) == [LONG]
    assert found.of(Trace.REFERENCE) == [LONG, OUR_ID]


def test_an_id_without_brackets_gets_them():
    found = references(mail("Oui.", In_Reply_To="0f3c9a.1@agence-exemple.fr"))

    assert found.of(Trace.IN_REPLY_TO) == [OUR_ID]


@pytest.mark.parametrize("name", ["Delivered_To", "X_Original_To", "Envelope_To"])
def test_a_token_is_found_wherever_the_server_noted_the_true_recipient(name):
    found = references(mail("Oui.", **{name: "B+K3JD8SL0@bounce.agence-exemple.fr"}))

    assert found.of(Trace.TOKEN) == ["k3jd8sl0"]


def test_a_bounce_is_matched_by_the_message_inside_and_never_by_the_daemon():
    found = references(dsn(failed(THEIRS, "5.1.1", "550")))

    assert found.of(Trace.ORIGINAL_ID) == [OUR_ID]
    assert found.of(Trace.ORIGINAL_TAG) == ["m-0198"]
    assert found.of(Trace.SENDER) == []


def test_a_forward_is_matched_by_the_message_attached_to_it():
    message = mail("Pour toi.", From="paul@societe-exemple.fr")
    original = parse(f"Message-ID: {OUR_ID}\nFrom: {OURS}\n\nBonjour".encode())
    message.add_attachment(original)

    assert references(message).of(Trace.ORIGINAL_ID) == [OUR_ID]


@pytest.mark.parametrize(
    "subject",
    [
        "Re: Une idée",
        "RE : Une idée",
        "Rép\u00a0: Une idée",
        "TR: Re: Aw: Une  idée",
        "Fwd: Fw: une IDÉE",
        "Re[2]: Une idée",
        "[EXT] Re: Une idée",
        "Réponse automatique : Une idée",
    ],
)
def test_a_subject_is_compared_without_what_mail_programs_put_before_it(subject):
    assert plain_subject(subject) == "une idee"


def test_words_that_begin_like_a_prefix_stay():
    assert plain_subject("Retour : une idée") == "retour : une idee"
