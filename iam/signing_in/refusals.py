"""Why a sign-in that the token library knows nothing of ends without anybody signed in."""

from typing import ClassVar

from iam.auth import Refusal


class SignInRefused(Refusal):
    """Nobody was signed in."""

    stable_code: ClassVar[str]
    stable_status: ClassVar[int]

    def __init__(self, reason: str = "") -> None:
        self.code, self.status, self.reason = self.stable_code, self.stable_status, reason
        self.detail = " ".join((type(self).__doc__ or "").split())
        Exception.__init__(self, self.detail)


class NotBegun(SignInRefused):
    """This sign-in was not begun in this browser, or it has ended already: begin it again."""

    stable_code, stable_status = "SIGN_IN_NOT_BEGUN", 400


class NotGranted(SignInRefused):
    """The sign-in provider refused to sign you in: begin again."""

    stable_code, stable_status = "SIGN_IN_NOT_GRANTED", 400


class Denied(SignInRefused):
    """You, or your sign-in provider, did not agree to your signing in here."""

    stable_code, stable_status = "ACCESS_DENIED", 403


class TooOften(SignInRefused):
    """Too many sign-ins from your network were refused: wait a minute, then begin again."""

    stable_code, stable_status = "THROTTLED", 429


class AddressTaken(SignInRefused):
    """Another account of the sign-in provider already signs in here with your e-mail address:
    ask the person who runs this server.
    """

    stable_code, stable_status = "ADDRESS_TAKEN", 403


class AccountClosed(SignInRefused):
    """Your account on this server is closed: ask the person who runs it."""

    stable_code, stable_status = "ACCOUNT_DISABLED", 403
