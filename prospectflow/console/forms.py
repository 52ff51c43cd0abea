"""What the console's own pages accept."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm as AnybodysForm
from django.utils import timezone
from unfold.forms import AuthenticationForm

from iam.models import User
from iam.sessions.visitors import address_of
from iam.signing_in.views import SCOPE
from outreach.states import MessageKind
from prospectflow.throttles import must_wait, neighbourhood, throttle


class SignInForm(AuthenticationForm):
    """Address and password of anybody with an open account; memberships say the rest.

    After too many wrong ones from a network, none is looked at for a while.
    """

    def clean(self) -> dict[str, Any]:
        who, now = f"password:{neighbourhood(address_of(self.request))}", timezone.now()
        if wait := must_wait(SCOPE, who, now=now):
            raise forms.ValidationError(f"Too many wrong passwords: wait {wait} seconds.", "often")
        try:
            return super().clean()
        except forms.ValidationError:
            throttle(SCOPE, who, now=now)
            raise

    def confirm_login_allowed(self, user: User) -> None:
        AnybodysForm.confirm_login_allowed(self, user)


class EnterForm(forms.Form):
    """Which organisation to enter."""

    organisation = forms.UUIDField()


class VisitForm(forms.Form):
    """Which organisation an operator of the platform enters, why, and for how many hours."""

    slug = forms.SlugField(
        max_length=63,
        error_messages={"required": "Give the organisation's slug."},
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off"}),
    )
    reason = forms.CharField(
        max_length=500,
        error_messages={"required": "Say why you enter: it stands in the organisation's trail."},
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    hours = forms.TypedChoiceField(
        choices=[(1, "1 hour"), (2, "2 hours"), (4, "4 hours"), (8, "8 hours")], coerce=int
    )


class SessionForm(forms.Form):
    """Which session to end."""

    session = forms.RegexField(r"^[0-9a-f]{64}$")


class ReviewForm(forms.Form):
    """The text of a draft, as the person left it, and what they want done with it."""

    subject = forms.CharField(max_length=250, required=False)
    body_text = forms.CharField(
        label="Text", strip=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 16})
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    action = forms.ChoiceField(choices=[(a, a) for a in ("approve", "save", "skip", "reject")])

    def clean_body_text(self) -> str:
        return self.cleaned_data["body_text"].replace("\r\n", "\n")


class InboxForm(forms.Form):
    """Which messages to list."""

    verdict = forms.ChoiceField(choices=[("", "All"), *MessageKind.choices], required=False)
    page = forms.IntegerField(min_value=1, max_value=100_000, required=False)


class CampaignMoveForm(forms.Form):
    """Where a campaign should go."""

    to = forms.ChoiceField(choices=[(a, a) for a in ("start", "pause", "archive", "restore")])
