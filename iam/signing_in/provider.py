"""The one OpenID provider of this process, by what settings.AUTH says of it."""

from functools import lru_cache
from urllib.parse import quote_plus, urlencode

import requests
from django.conf import settings
from django.urls import reverse
from requests.auth import HTTPBasicAuth

from iam.auth import AuthConfiguration, Refusal, Verifier
from iam.auth.provider import ask, json_object


def verifier() -> Verifier:
    """The verifier of settings.AUTH; it keeps the provider's keys for the whole process."""
    return _verifier(settings.AUTH)


@lru_cache(maxsize=4)
def _verifier(configuration: AuthConfiguration) -> Verifier:
    return Verifier(configuration)


def callback_address() -> str:
    """Where the provider sends people back to; whatever host a request claims, it is ours."""
    return settings.PUBLIC_URL + reverse("oidc-callback")


def signed_out_address() -> str:
    """Where the provider sends people after they signed out there."""
    return settings.PUBLIC_URL + reverse(settings.LOGIN_URL)


def exchange(code: str, code_verifier: str) -> str:
    """The ID token for a code of the provider, not yet checked; Refusal when there is none.

    RFC 6749, sections 2.3.1 and 4.1.3.
    """
    configuration = settings.AUTH
    asked = {
        "grant_type": "authorization_code",
        "client_id": configuration.client_id,
        "code": code,
        "code_verifier": code_verifier,
        "redirect_uri": callback_address(),
    }
    secret = configuration.client_secret
    names = (quote_plus(part) for part in (configuration.client_id, secret or ""))
    try:
        status, body = ask(
            "POST",
            verifier().endpoints().token,
            seconds=configuration.timeout_seconds,
            data=asked,
            auth=HTTPBasicAuth(*names) if secret else None,
        )
        if 400 <= status < 500:
            raise Refusal("PROVIDER_REFUSED", reason=f"{status} {body[:200]!r}")
        token = json_object(status, body).get("id_token")
        if not isinstance(token, str):
            raise ValueError("the answer holds no ID token")
    except (requests.RequestException, ValueError) as error:
        raise Refusal("PROVIDER_UNAVAILABLE", reason=str(error)) from error
    return token


def sign_out_address(id_token: str | None) -> str:
    """Where a person ends their session at the provider; empty where it has no such place.

    Refusal while the provider does not say. OpenID Connect RP-Initiated Logout 1.0, section 2;
    Cognito has a way of its own.
    """
    configuration = settings.AUTH
    end = verifier().endpoints().end_session
    if not end:
        return ""
    asked = {"client_id": configuration.client_id}
    if configuration.cognito:
        asked["logout_uri"] = signed_out_address()
    else:
        asked["post_logout_redirect_uri"] = signed_out_address()
        asked |= {"id_token_hint": id_token} if id_token else {}
    return f"{end}?{urlencode(asked)}"
