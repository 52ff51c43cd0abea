"""What the console's own pages accept."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm as AnybodysForm
from django.utils import timezone
from unfold.forms import AuthenticationForm

from iam.models import User
from iam.sessions.visitors import address_of
from iam.signing_in.views import SCOPE
from outreach.services.reconciling import Outcome
from outreach.services.simulating import LONGEST
from outreach.services.switches import LONGEST_REASON
from outreach.simulation.state import DAYS
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


class SendingForm(forms.Form):
    """Whether all sending stops or goes on, and why."""

    to = forms.ChoiceField(choices=[(a, a) for a in ("stop", "resume")])
    reason = forms.CharField(max_length=LONGEST_REASON, required=False)


class DecisionForm(forms.Form):
    """What becomes of a mail in doubt, and whether the person was asked if they are sure."""

    outcome = forms.ChoiceField(choices=Outcome.choices)
    sure = forms.BooleanField(required=False)


class CancelForm(forms.Form):
    """Why a mail is not to be sent."""

    reason = forms.CharField(
        max_length=500,
        error_messages={"required": "Say why: it stands in the organisation's trail."},
        widget=forms.TextInput(attrs={"autofocus": True}),
    )


class SimulationForm(forms.Form):
    """How far a simulation looks ahead, how many of a hundred mails are answered, and by whom."""

    days = forms.IntegerField(
        label="Days",
        min_value=1,
        max_value=LONGEST,
        required=False,
        widget=forms.NumberInput(attrs={"placeholder": DAYS}),
    )
    replies = forms.FloatField(
        label="Answers, in % of the mails",
        min_value=0,
        max_value=100,
        required=False,
        widget=forms.NumberInput(attrs={"step": "any", "placeholder": "as so far"}),
    )
    seed = forms.IntegerField(
        label="Seed",
        min_value=0,
        max_value=10**9,
        required=False,
        help_text="Another one draws other answers.",
    )
    everyone = forms.BooleanField(label="With everyone who would be enrolled now", required=False)

    def options(self) -> dict[str, Any]:
        """What was asked for, as `options_for` takes it."""
        asked, replies = self.cleaned_data, self.cleaned_data["replies"]
        return {
            "days": asked["days"] or DAYS,
            "reply_rate": None if replies is None else replies / 100,
            "seed": asked["seed"] or 0,
        }
