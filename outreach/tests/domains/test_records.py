"""What a sending domain publishes, asked of a nameserver that says what it is told."""

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from crm.tests.name_server import BROKEN, SILENT
from outreach.domain_records import Asker, check_dkim, check_dmarc, check_mx, check_spf
from outreach.tests.domains.publishing import DOMAIN, published, txt


# SPF -------------------------------------------------------------------------------------------
def spf(server, *records: str, include: str = "", **elsewhere: str):
    server.domains[DOMAIN] = txt("google-site-verification=x", *records)
    for name, record in elsewhere.items():
        server.domains[f"{name}.example"] = txt(record)
    return check_spf(DOMAIN, server.asker, include=include)


@pytest.mark.parametrize(
    ("record", "state", "words"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", "ok", "0 of 10 lookups"),
        ("v=spf1 ip6:2001:db8::/32 ~all", "ok", "One SPF record"),
        ("V=SPF1 -ALL", "ok", "One"),
        ("v=spf1 +all", "fail", "lets everybody send"),
        ("v=spf1 all", "fail", "lets everybody send"),
        ("v=spf1 ?all", "warn", "forbids nobody"),
        ("v=spf1 ip4:192.0.2.1", "warn", "forbids nobody"),
        ("v=spf1 include:nowhere.example -all", "fail", "nowhere.example has no SPF record"),
        ("v=spf1 nonsense -all", "fail", "no term of SPF"),
        ("v=spf1 ip4:192.0.2.1 !! -all", "fail", "no term of SPF"),
        ("v=spf1 exp=why.example exists:%{i}.x.example -all", "ok", "1 of 10"),
        ("v=spf1 a:gone1.example a:gone2.example -all", "ok", "2 of 10"),
        ("v=spf1 a:gone1.example a:gone2.example mx:gone3.example -all", "fail", "are not there"),
    ],
)
def test_what_an_spf_record_says_is_judged(server, record, state, words):
    found = spf(server, record)

    assert found.state == state
    assert words in found.sentence


def test_no_spf_record_fails_and_tells_what_to_publish(server):
    assert spf(server, include="_spf.google.com") == (
        "fail",
        f"{DOMAIN} has no SPF record: publish a TXT record “v=spf1 include:_spf.google.com ~all”.",
    )


def test_two_spf_records_are_none(server):
    assert spf(server, "v=spf1 -all", "v=spf1 ~all").state == "fail"


def test_a_record_that_only_begins_alike_is_not_spf(server):
    assert spf(server, "v=spf10 +all", "v=spf1 -all").state == "ok"


@pytest.mark.parametrize(("includes", "state"), [(10, "ok"), (11, "fail")])
def test_ten_lookups_are_enough(server, includes, state):
    names = [f"i{n}" for n in range(includes)]
    terms = " ".join(f"include:{name}.example" for name in names)

    found = spf(server, f"v=spf1 {terms} -all", **dict.fromkeys(names, "v=spf1 -all"))

    assert found.state == state


@pytest.mark.parametrize(("inside", "state"), [(9, "ok"), (10, "fail")])
def test_lookups_of_what_is_included_count(server, inside, state):
    terms = " ".join(f"a:a{n}.example" for n in range(inside))
    for n in range(inside):
        server.domains[f"a{n}.example"] = {"A": ["192.0.2.1"]}

    assert spf(server, "v=spf1 include:i.example -all", i=f"v=spf1 {terms}").state == state


def test_records_that_include_each_other_come_to_an_end(server):
    found = spf(server, "v=spf1 include:i.example -all", i=f"v=spf1 include:{DOMAIN} -all")

    assert found.state == "fail"


def test_an_included_plus_all_lets_everybody_in_only_there(server):
    assert spf(server, "v=spf1 include:i.example -all", i="v=spf1 +all").state == "ok"


@pytest.mark.parametrize(("word", "state"), [("+all", "fail"), ("-all", "ok")])
def test_a_redirect_is_followed_to_its_own_last_word(server, word, state):
    assert spf(server, "v=spf1 redirect=i.example", i=f"v=spf1 {word}").state == state


@pytest.mark.parametrize(
    ("record", "state"),
    [
        ("v=spf1 include:provider.example -all", "ok"),
        ("v=spf1 include:between.example -all", "ok"),
        ("v=spf1 ip4:192.0.2.1 -all", "warn"),
    ],
)
def test_the_providers_servers_have_to_be_named(server, record, state):
    between = "v=spf1 include:Provider.example. -all"
    found = spf(
        server,
        record,
        include="provider.example",
        provider="v=spf1 ip4:192.0.2.0/24 -all",
        between=between,
    )

    assert found.state == state


def test_a_record_in_pieces_is_joined_without_a_blank(server):
    terms = " ".join(f"ip4:192.0.2.{n}" for n in range(40))

    assert spf(server, f"v=spf1 {terms} -all").state == "ok"


# DKIM ------------------------------------------------------------------------------------------
def dkim(server, *records: str, ours: str = ""):
    server.domains[f"s1._domainkey.{DOMAIN}"] = txt(*records) if records else None
    return check_dkim(DOMAIN, "s1", server.asker, ours=ours)


@pytest.mark.parametrize(("bits", "state"), [(1024, "warn"), (2048, "ok")])
def test_a_published_key_is_measured(server, bits, state):
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)

    assert dkim(server, published(key)).state == state


@pytest.mark.parametrize(
    ("records", "state", "words"),
    [
        ([], "fail", "There is no DKIM key at s1._domainkey.atelier.fr"),
        (["v=DKIM1; p="], "fail", "withdrawn"),
        (["v=DKIM1; k=rsa; p=AAAA"], "fail", "cannot be read"),
        (["v=DKIM1; k=rsa; p=***"], "fail", "cannot be read"),
        (["v=spf1 -all"], "fail", "no DKIM key"),
        (["v=DKIM1; p=AAAA", "v=DKIM1; p=BBBB"], "fail", "2 records"),
    ],
)
def test_what_is_no_key_fails(server, records, state, words):
    found = dkim(server, *records)

    assert found.state == state
    assert words in found.sentence


def test_a_key_of_another_kind_is_a_key(server):
    raw = ed25519.Ed25519PrivateKey.generate().public_key()
    key = b64encode(raw.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    assert dkim(server, f"v=DKIM1; k=ed25519; p={key}").state == "ok"


def test_a_key_marked_as_a_test_warns(server):
    assert "t=y" in dkim(server, published(t="y")).sentence


def test_another_key_than_ours_fails(server):
    assert dkim(server, published(), ours=published()).state == "fail"


def test_without_a_selector_nothing_is_known(server):
    assert check_dkim(DOMAIN, "", server.asker).state == "unknown"


# DMARC -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("domain", "records", "state", "words"),
    [
        ("a.fr", {"a.fr": "v=DMARC1; p=none"}, "ok", "asks for none at _dmarc.a.fr"),
        ("a.fr", {"a.fr": "v=DMARC1; rua=mailto:x@a.fr; p=REJECT"}, "ok", "asks for reject"),
        ("a.fr", {"a.fr": "v=DMARC1;"}, "ok", "asks for none"),
        (
            "a.fr",
            {"a.fr": "v=DMARC1; p=all; pct=50"},
            "warn",
            "“all” at _dmarc.a.fr",
        ),
        ("a.fr", {}, "warn", "No DMARC record"),
        ("a.fr", {"a.fr": "v=spf1 -all"}, "warn", "No DMARC record"),
        ("m.a.fr", {"a.fr": "v=DMARC1; p=reject"}, "ok", "asks for reject at _dmarc.a.fr"),
        ("m.a.fr", {"a.fr": "v=DMARC1; p=reject; sp=none"}, "ok", "asks for none at _dmarc.a.fr"),
        ("m.a.fr", {"m.a.fr": "v=DMARC1; p=none", "a.fr": "v=DMARC1; p=reject"}, "ok", "_dmarc.m."),
        ("m.b.a.fr", {"b.a.fr": "v=DMARC1; p=none", "a.fr": "v=DMARC1; p=reject"}, "ok", ".a.fr"),
        # The organisation ends where psd says so (RFC 9989, 4.10.2).
        (
            "m.b.a.fr",
            {"b.a.fr": "v=DMARC1; p=none; psd=n", "a.fr": "v=DMARC1; p=reject"},
            "ok",
            "none at _dmarc.b.a.fr",
        ),
        (
            "m.b.a.fr",
            {"b.a.fr": "v=DMARC1; p=none", "a.fr": "v=DMARC1; p=reject; psd=y"},
            "ok",
            "none at _dmarc.b.a.fr",
        ),
        (
            "m.b.a.fr",
            {"b.a.fr": "v=DMARC1; p=none", "a.fr": "v=DMARC1; p=reject"},
            "ok",
            "reject at _dmarc.a.fr",
        ),
    ],
)
def test_the_policy_is_found_by_walking_up(server, domain, records, state, words):
    for name, record in records.items():
        server.domains[f"_dmarc.{name}"] = txt(record)

    found = check_dmarc(domain, server.asker)

    assert found.state == state
    assert words in found.sentence


def test_two_dmarc_records_fail(server):
    server.domains["_dmarc.a.fr"] = txt("v=DMARC1; p=none", "v=DMARC1; p=reject")

    assert check_dmarc("a.fr", server.asker).state == "fail"


def test_the_walk_takes_eight_questions_at_most(server):
    check_dmarc("a.b.c.d.e.f.g.h.i.j.example.fr", server.asker)

    asked = [name for name in server.asked if name.startswith("_dmarc.")]
    assert len(asked) == 8
    assert asked[:2] == ["_dmarc.a.b.c.d.e.f.g.h.i.j.example.fr", "_dmarc.f.g.h.i.j.example.fr"]


# MX --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("records", "state"),
    [
        ({"MX": ["20 later.example.", "10 first.example."]}, "ok"),
        ({"MX": ["0 ."]}, "fail"),
        ({"A": ["192.0.2.1"]}, "warn"),
        ({"AAAA": ["2001:db8::1"]}, "warn"),
        ({"TXT": ['"x"']}, "fail"),
        (None, "fail"),
    ],
)
def test_answers_have_to_arrive(server, records, state):
    server.domains[DOMAIN] = records

    assert check_mx(DOMAIN, server.asker).state == state


@pytest.mark.parametrize("trouble", [SILENT, BROKEN])
def test_what_does_not_answer_is_unknown_and_never_a_failure(server, trouble):
    for name in (DOMAIN, f"_dmarc.{DOMAIN}", f"s1._domainkey.{DOMAIN}"):
        server.domains[name] = trouble

    found = [
        check_spf(DOMAIN, server.asker),
        check_dkim(DOMAIN, "s1", server.asker),
        check_dmarc(DOMAIN, server.asker),
        check_mx(DOMAIN, server.asker),
    ]

    assert {each.state for each in found} == {"unknown"}


def test_an_include_that_does_not_answer_is_unknown(server):
    server.domains["slow.example"] = SILENT

    assert spf(server, "v=spf1 include:slow.example -all").state == "unknown"


def test_once_the_time_is_over_nothing_is_asked_any_more(server, settings):
    late = Asker(server.resolver(settings), seconds=0)

    assert check_spf(DOMAIN, late).state == "unknown"
    assert not server.asked
