"""Forged, mangled, oversized and untimely tokens: refused with our own words, before any harm."""

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from iam.auth import REFUSALS, AuthConfiguration, Refusal, Verifier
from iam.tests.auth.publisher import NOON, access_claims, private_key, published, signed


def refusal_of(verifier, token):
    with pytest.raises(Refusal) as refusal:
        verifier.caller(token, now=NOON)
    return refusal.value


def segment(content) -> str:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


@pytest.fixture
def claims(publisher):
    return access_claims(publisher.issuer)


def test_a_token_without_signature_is_refused(verifier, claims):
    for name in ("none", "None", "NONE", "nOnE", "", None):
        token = f"{segment({'alg': name, 'kid': 'first'})}.{segment(claims)}."
        assert refusal_of(verifier, token).code == "TOKEN_INVALID"


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_our_public_key_is_no_shared_secret(verifier, claims, algorithm):
    public = private_key("first").public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = segment({"alg": algorithm, "kid": "first", "typ": "JWT"})
    signing_input = f"{header}.{segment(claims)}"
    hashes = jwt.algorithms.get_default_algorithms()
    signature = hashes[algorithm].sign(signing_input.encode(), pem)

    token = f"{signing_input}.{segment(signature)}"

    assert refusal_of(verifier, token).code == "TOKEN_INVALID"


def test_a_shared_secret_among_the_published_keys_is_no_key(publisher, verifier, claims):
    secret = b"a secret of more than thirty-two bytes"
    publisher.keys.append({"kty": "oct", "kid": "oct", "alg": "HS256", "k": segment(secret)})

    token = signed(claims, kid="oct", key=secret, alg="HS256")

    assert refusal_of(verifier, token).code == "TOKEN_INVALID"


def test_a_key_for_encryption_signs_nothing(publisher, verifier, claims):
    publisher.keys.append(published("second", use="enc"))

    assert refusal_of(verifier, signed(claims, kid="second")).code == "TOKEN_INVALID"


def test_a_key_signs_by_its_own_algorithm_alone(verifier, claims):
    assert refusal_of(verifier, signed(claims, alg="RS512")).code == "TOKEN_INVALID"
    assert refusal_of(verifier, signed(claims, alg="PS256")).code == "TOKEN_INVALID"


def test_a_short_key_proves_nothing(publisher, verifier, claims):
    weak = private_key("weak", 1024)
    publisher.keys.append(published("weak", weak))
    header = segment({"alg": "RS256", "kid": "weak", "typ": "JWT"})
    signing_input = f"{header}.{segment(claims)}"
    signature = jwt.algorithms.get_default_algorithms()["RS256"].sign(signing_input.encode(), weak)

    token = f"{signing_input}.{segment(signature)}"

    assert refusal_of(verifier, token).code == "TOKEN_INVALID"


def test_elliptic_curves_are_welcome(publisher, verifier, claims):
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    publisher.keys.append(jwk | {"kid": "curve"})

    caller = verifier.caller(signed(claims, kid="curve", key=key, alg="ES256"), now=NOON)

    assert caller.subject == "anna-1"


def test_a_strangers_key_under_our_name_is_refused(verifier, claims):
    token = signed(claims, kid="first", key=private_key("stranger"))

    assert refusal_of(verifier, token).code == "TOKEN_INVALID"


@pytest.mark.parametrize("header", [{"jku": "http://127.0.0.1:9/"}, {"x5u": "http://127.0.0.1:9/"}])
def test_a_token_cannot_say_where_its_key_is(publisher, verifier, claims, header):
    stranger = published("stranger")
    header = {"kid": "stranger", "jwk": stranger} | header

    token = signed(claims, key=private_key("stranger"), **header)

    assert refusal_of(verifier, token).code == "TOKEN_INVALID"
    assert set(publisher.asked) == {"/.well-known/openid-configuration", "/keys"}


def test_unknown_critical_extensions_are_refused(verifier, claims):
    header = segment({"alg": "RS256", "kid": "first", "crit": ["exp"], "exp": 1})
    signing_input = f"{header}.{segment(claims)}"
    algorithm = jwt.algorithms.get_default_algorithms()["RS256"]
    signature = algorithm.sign(signing_input.encode(), private_key("first"))

    assert refusal_of(verifier, f"{signing_input}.{segment(signature)}").code == "TOKEN_INVALID"


@pytest.mark.parametrize("issuer", [None, "https://elsewhere.example", "", ["x"], 7])
def test_another_issuer_is_refused(verifier, claims, issuer):
    assert refusal_of(verifier, signed_raw(claims | {"iss": issuer})).code == "TOKEN_INVALID"


def test_the_issuer_is_compared_to_the_letter(verifier, claims):
    token = signed(claims | {"iss": claims["iss"] + "/"})

    assert refusal_of(verifier, token).code == "TOKEN_INVALID"


def signed_raw(claims, **header) -> str:
    """Sign what PyJWT would refuse to write."""
    signing_input = f"{segment({'alg': 'RS256', 'kid': 'first'} | header)}.{segment(claims)}"
    algorithm = jwt.algorithms.get_default_algorithms()["RS256"]
    signature = algorithm.sign(signing_input.encode(), private_key("first"))
    return f"{signing_input}.{segment(signature)}"


@pytest.mark.parametrize("subject", [None, "", " ", 7, ["anna"], "a\x00b", "a\nb", "x" * 256])
def test_a_token_without_a_usable_subject_is_invalid(verifier, claims, subject):
    token = signed_raw(claims | {"sub": subject})

    assert refusal_of(verifier, token).code == "TOKEN_INVALID"


@pytest.mark.parametrize("claim", ["iat", "exp", "nbf"])
@pytest.mark.parametrize(
    "moment", ["soon", "1795392000", True, [], {}, 1e308, -1e308, float("nan"), float("inf")]
)
def test_a_moment_that_is_none_makes_the_token_invalid(verifier, claims, claim, moment):
    token = signed_raw(claims | {claim: moment})

    assert refusal_of(verifier, token).code == "TOKEN_INVALID"


@pytest.mark.parametrize("claim", ["iat", "exp"])
def test_both_moments_are_needed(verifier, claims, claim):
    assert refusal_of(verifier, signed(claims | {claim: None})).code == "TOKEN_INVALID"


@pytest.mark.parametrize("body", [b"[]", b"7", b"null", b'"x"', b"{", b"\xff", b"[" * 11_000])
def test_claims_that_are_no_object_are_invalid(verifier, body):
    assert refusal_of(verifier, signed_raw(body)).code == "TOKEN_INVALID"


@pytest.mark.parametrize(
    "header",
    [
        {"kid": 7},
        {"kid": ["first"]},
        {"kid": {}},
        {"alg": ["RS256"]},
        {"alg": 7},
        {"b64": False},
        {"b64": False, "crit": ["b64"]},
        {"crit": 7},
    ],
)
def test_a_malformed_header_is_invalid(verifier, claims, header):
    assert refusal_of(verifier, signed_raw(claims, **header)).code == "TOKEN_INVALID"


@pytest.mark.parametrize(
    "token", ["", ".", "..", "...", "a.b.c", "x" * 100, "é.é.é", "\x00", "\ud800", "a b c", "=.=.="]
)
def test_what_is_no_token_is_invalid(publisher, verifier, token):
    assert refusal_of(verifier, token).code == "TOKEN_INVALID"
    assert publisher.asked == []


def test_one_changed_letter_breaks_the_signature(verifier, claims):
    token = signed(claims)
    header, body, signature = token.split(".")
    other = segment(json.dumps(claims | {"sub": "anna-2"}).encode())

    assert refusal_of(verifier, f"{header}.{other}.{signature}").code == "TOKEN_INVALID"


def test_a_token_above_16_kb_is_refused_unread(publisher, verifier, claims):
    token = signed(claims | {"padding": "x" * 13_000})
    assert 16 * 1024 < len(token) < 20_000

    assert refusal_of(verifier, token).code == "TOKEN_INVALID"
    assert publisher.asked == []
    assert verifier.caller(signed(claims | {"padding": "x" * 10_000}), now=NOON)


@given(token=st.text(max_size=200) | st.binary(max_size=200).map(segment))
def test_no_text_opens_the_door_or_breaks_it(token):
    verifier = Verifier(_nowhere())

    assert refusal_of(verifier, token).code in REFUSALS


def _nowhere():
    return AuthConfiguration(
        issuer="http://127.0.0.1:9", client_id="c", cognito=True, jwks_uri="http://127.0.0.1:9/"
    )


def test_no_word_of_a_library_reaches_the_answer(verifier, claims):
    bad = [
        "a.b.c",
        signed(claims, key=private_key("stranger")),
        signed(claims | {"exp": 1}),
        signed(claims, alg="RS512"),
        signed_raw(b"["),
    ]
    sentences = {sentence for _, sentence in REFUSALS.values()}

    for token in bad:
        refusal = refusal_of(verifier, token)
        assert refusal.detail in sentences
        assert str(refusal) == refusal.detail
