"""Signing in and out through the provider (OpenID Connect Core 1.0, section 3.1; RFC 7636)."""

import logging
import time
from typing import Any, cast

from django.conf import settings
from django.contrib import auth
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from mozilla_django_oidc.views import (
    OIDCAuthenticationCallbackView,
    OIDCAuthenticationRequestView,
    OIDCLogoutView,
)

from iam.auth import Refusal
from iam.models import User
from iam.services import join_invited
from iam.sessions import require_store
from iam.sessions.visitors import address_of
from iam.signing_in.provider import callback_address, sign_out_address, verifier
from iam.signing_in.refusals import Denied, NotBegun, NotGranted, TooOften
from iam.signing_in.returning import safe_path
from prospectflow.errors import DomainError
from prospectflow.tenancy.middleware import without_tenant
from prospectflow.throttles import neighbourhood, throttle

log = logging.getLogger(__name__)

ATTEMPTS, NEXT, TOKEN = "oidc_states", "oidc_login_next", "oidc_id_token"  # keys of the session
ATTEMPT_SECONDS = 60 * 60  # that long a person may take at the provider
SCOPE = "refused_sign_ins"
GUESSES = frozenset({"SIGN_IN_NOT_BEGUN", "PROVIDER_REFUSED"})  # a state or a code nobody gave
BACKEND = "iam.signing_in.backend.ProviderBackend"
FIXED = {
    "OIDC_USE_PKCE": True,
    "OIDC_PKCE_CODE_CHALLENGE_METHOD": "S256",
    "OIDC_USE_NONCE": True,
    "OIDC_RP_SCOPES": "openid email profile",
    "OIDC_AUTHENTICATION_CALLBACK_URL": "oidc-callback",
}
# The provider is asked outside of any transaction and of any organisation.
outside = [transaction.non_atomic_requests, never_cache, without_tenant]


class Refusing:
    """A view whose refusals are one sentence each, and that is nothing without a session."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        require_store()
        return super().dispatch(request, *args, **kwargs)

    def refused(self, request: HttpRequest, refusal: Refusal) -> HttpResponse:
        """The answer to a sign-in that ended without anybody signed in."""
        return HttpResponse(refusal.detail, status=refusal.status, content_type="text/plain")

    def noted(self, request: HttpRequest, refusal: Refusal) -> HttpResponse:
        """The same answer, with the reason in the log only."""
        log.warning("Sign-in refused: %s (%s)", refusal.code, refusal.reason or "no more is known")
        return self.refused(request, refusal)


@method_decorator(outside, name="dispatch")
class Begin(Refusing, OIDCAuthenticationRequestView):
    """Lead the person to the provider, with a state, a nonce and a PKCE challenge of their own."""

    def __init__(self, **kwargs: Any) -> None:
        View.__init__(self, **kwargs)  # the parent reads from settings what we ask the provider

    @staticmethod
    def get_settings(name: str, *default: Any) -> Any:
        """The parent's options: none of them can be set."""
        return FIXED.get(name, *default)

    def get_extra_params(self, request: HttpRequest) -> dict[str, str]:
        return {"redirect_uri": callback_address()}

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            self.OIDC_OP_AUTH_ENDPOINT = verifier().endpoints().authorization
        except Refusal as refusal:
            return self.noted(request, refusal)
        self.OIDC_RP_CLIENT_ID = settings.AUTH.client_id
        answer = super().get(request)
        request.session[NEXT] = safe_path(request.GET.get("next"))
        if not request.user.is_authenticated:
            request.session.set_expiry(ATTEMPT_SECONDS)
        return answer


@method_decorator(outside, name="dispatch")
class Callback(Refusing, OIDCAuthenticationCallbackView):
    """Sign the person in for whom the provider sends a code, or say why not."""

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            attempt = _used_up(request)
            _agreed(request)
            user = auth.authenticate(
                request,
                code=request.GET.get("code", ""),
                nonce=attempt["nonce"],
                code_verifier=attempt["code_verifier"],
            )
        except Refusal as refusal:
            return self.noted(request, _counted(request, refusal))
        return self.signed_in(request, cast(User, user))

    def signed_in(self, request: HttpRequest, user: User) -> HttpResponse:
        """Open a session in which nothing is left of the one before."""
        going_to = request.session.get(NEXT) or settings.LOGIN_REDIRECT_URL
        if user.is_new:
            _join(user)
        request.session.flush()
        auth.login(request, user)
        if not settings.AUTH.cognito:  # whose sign-out asks for no token
            request.session[TOKEN] = user.id_token
        return HttpResponseRedirect(going_to)


@method_decorator(outside, name="dispatch")
class Leave(Refusing, OIDCLogoutView):
    """End the session here, whatever happens, and then lead to the provider to end it there."""

    def post(self, request: HttpRequest) -> HttpResponse:
        token = request.session.get(TOKEN)
        by_provider = request.session.get(auth.BACKEND_SESSION_KEY) == BACKEND
        auth.logout(request)
        try:
            address = sign_out_address(token) if by_provider else ""
        except Refusal as refusal:
            log.warning("Signed out here only: %s (%s)", refusal.code, refusal.reason)
            return self.signed_out(request, address="", only_here=True)
        return self.signed_out(request, address=address, only_here=by_provider and not address)

    def signed_out(self, request: HttpRequest, *, address: str, only_here: bool) -> HttpResponse:
        """The answer after the session has ended; `address` leads on to the provider."""
        return HttpResponseRedirect(address or settings.LOGIN_REDIRECT_URL)


def _join(user: User) -> None:
    """The provider has verified the address: whoever was invited by it is in."""
    try:
        join_invited(user, at=timezone.now())
    except DomainError as error:  # withdrawn this very moment
        log.info("Not joined: %s", error)


def _counted(request: HttpRequest, refusal: Refusal) -> Refusal:
    """The refusal, or TooOften after many guesses; whoever guesses nothing is told what it was."""
    if refusal.code not in GUESSES:
        return refusal
    wait = throttle(SCOPE, neighbourhood(address_of(request)), now=timezone.now())
    return TooOften() if wait else refusal


def _used_up(request: HttpRequest) -> dict[str, str]:
    """The attempt of this state, which counts only once; NotBegun where there is none."""
    attempts = request.session.get(ATTEMPTS) or {}
    attempt = attempts.pop(request.GET.get("state", ""), None)
    if attempt is None:
        raise NotBegun
    request.session[ATTEMPTS] = attempts
    request.session.save()
    if time.time() - attempt["added_on"] > ATTEMPT_SECONDS:
        raise NotBegun("too old")
    return attempt


def _agreed(request: HttpRequest) -> None:
    """Refuse what is an error of the provider (RFC 6749, section 4.1.2.1), or no code."""
    error = request.GET.get("error", "")
    if error == "access_denied":
        raise Denied
    if error in {"server_error", "temporarily_unavailable"}:
        raise Refusal("PROVIDER_UNAVAILABLE", reason=error)
    if error:
        raise NotGranted(error[:80])
    if not request.GET.get("code"):
        raise NotBegun("no code")
