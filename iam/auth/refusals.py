"""Every way to be turned away: its code, its status, its sentence."""

from collections.abc import Mapping

REFUSALS: Mapping[str, tuple[int, str]] = {
    "AUTHENTICATION_REQUIRED": (401, "Sign in, or send an Authorization header."),
    "WRONG_SCHEME": (401, "The Authorization header must read: Bearer, a space, the token."),
    "TOKEN_MISSING": (401, "No token stands after Bearer in the Authorization header."),
    "TOKEN_EXPIRED": (401, "The token has expired; fetch a new one."),
    "TOKEN_INVALID": (401, "The token is not one that this service accepts."),
    "TOKEN_WRONG_USE": (401, "This is the wrong kind of token: access tokens open the API."),
    "NONCE_MISMATCH": (401, "This sign-in does not belong to this browser; begin again."),
    "PROVIDER_REFUSED": (401, "The sign-in provider did not accept this sign-in; begin again."),
    "EMAIL_NOT_VERIFIED": (403, "The sign-in provider has not verified your e-mail address."),
    "SCOPE_MISSING": (403, "The token does not carry the scope that this needs."),
    "PROVIDER_UNAVAILABLE": (503, "The sign-in provider does not answer; try again in a minute."),
}


class Refusal(Exception):
    """A sign-in or a token is turned away; `detail` may be shown, `reason` is for the log."""

    def __init__(self, code: str, *, detail: str = "", reason: str = "") -> None:
        self.code = code
        self.status, sentence = REFUSALS[code]
        self.detail = detail or sentence
        self.reason = reason
        super().__init__(self.detail)
