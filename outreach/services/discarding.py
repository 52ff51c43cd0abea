"""What may be deleted: nothing that mails tell of, sent ones or planned ones."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import models, transaction
from django.db.models import QuerySet

from outreach.models import (
    Campaign,
    Draft,
    Enrollment,
    Prompt,
    StepExperiment,
    Task,
    Variant,
    VariantAssignment,
    WorkflowStep,
)
from outreach.services.campaigns import keep_ready
from outreach.services.experiments import refuse_begun
from prospectflow.errors import DomainError


class HasHistory(DomainError):
    """Mails tell of this, so it stays."""


@transaction.atomic
def discard(row: models.Model) -> None:
    """Delete the row; HasHistory says what to do instead when mails tell of it.

    A variant of an experiment that has begun stays as well (ExperimentBegun), and so does the
    last step of a campaign that runs (CampaignNotReady).
    """
    if isinstance(row, Variant):
        refuse_begun(row.step_experiment)
    elif HISTORY[type(row)](row).exists():
        raise HasHistory(INSTEAD[type(row)])
    row.delete()
    if isinstance(row, WorkflowStep):
        keep_ready(row.campaign)


HISTORY: Mapping[type[models.Model], Callable[[Any], QuerySet[Any]]] = {
    Campaign: lambda row: Enrollment.objects.filter(campaign=row),
    WorkflowStep: lambda row: Task.objects.filter(workflow_step=row),
    StepExperiment: lambda row: VariantAssignment.objects.filter(step_experiment=row),
    Prompt: lambda row: Draft.objects.filter(models.Q(prompt=row) | models.Q(variant__prompt=row)),
}
INSTEAD: Mapping[type[models.Model], str] = {
    Campaign: "People are enrolled in this campaign, so it stays: archive it instead.",
    WorkflowStep: "Mails of this step left or are planned, so it stays: switch it off instead.",
    StepExperiment: "People were given a variant of it, so the experiment stays: stop it instead.",
    Prompt: "Texts were written from this prompt, so it stays: switch it off instead.",
}
