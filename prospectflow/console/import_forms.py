"""What the pages of imports accept."""

from typing import Any

from django import forms

from outreach.models import Campaign
from outreach.states import ProblemKind

PROFILE_LABELS = {
    "pharow": "Pharow export",
    "items": "JSON items of Pharow",
    "sirene_establishments": "INSEE Sirene, establishments",
    "sirene_units": "INSEE Sirene, legal units",
    "generic": "Any other list",
}
MOVES = ("validate", "run", "cancel", "allow_contacted", "undo", "discard")


class UploadForm(forms.Form):
    """A file of prospects, and what its reader should know."""

    file = forms.FileField(
        error_messages={
            "required": "Choose a file.",
            "empty": "The file is empty: choose another.",
            "missing": "Choose a file.",
        },
    )
    sheet = forms.CharField(max_length=200, required=False)
    profile = forms.ChoiceField(
        choices=[("", "Recognise it by its columns"), *PROFILE_LABELS.items()], required=False
    )
    campaign = forms.ModelChoiceField(
        Campaign.objects.none(),
        required=False,
        empty_label="No campaign",
        error_messages={"invalid_choice": "That campaign takes nobody in: choose another."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["campaign"].queryset = Campaign.objects.taking_in()


class ProblemsForm(forms.Form):
    """Which of a file's problems to list."""

    kind = forms.ChoiceField(choices=[("", "All kinds"), *ProblemKind.choices], required=False)
    code = forms.SlugField(max_length=100, required=False)
    q = forms.CharField(max_length=200, required=False)
    page = forms.IntegerField(min_value=1, max_value=100_000, required=False)


class ImportMoveForm(forms.Form):
    """What is to become of an upload; `sure` once the person was asked."""

    to = forms.ChoiceField(choices=[(each, each) for each in MOVES])
    sure = forms.BooleanField(required=False)
