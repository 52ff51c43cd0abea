"""Who is shown which variant: stable, in proportion to the weights, one per company."""

from datetime import datetime
from hashlib import sha256
from itertools import accumulate
from uuid import UUID

from django.db import transaction

from outreach.models import StepExperiment, Task, Variant, VariantAssignment
from outreach.states import ExperimentStatus
from prospectflow.choices import move
from prospectflow.errors import DomainError

FEWEST = 2  # variants, for anything to be compared


class ExperimentBegun(DomainError):
    """The experiment has begun: its step and its variants stay as they are."""


class ExperimentNotReady(DomainError):
    """An experiment starts once it has two variants to compare."""


@transaction.atomic
def start_experiment(experiment: StepExperiment) -> StepExperiment:
    """Let the experiment give variants; ExperimentNotReady with fewer than two of them."""
    experiment = _locked(experiment)
    if experiment.variants.count() < FEWEST:
        raise ExperimentNotReady
    return _moved(experiment, ExperimentStatus.RUNNING)


@transaction.atomic
def stop_experiment(experiment: StepExperiment) -> StepExperiment:
    """End the experiment for good; what it gave is kept."""
    return _moved(_locked(experiment), ExperimentStatus.STOPPED)


def refuse_begun(experiment: StepExperiment) -> None:
    """Raises ExperimentBegun where a change would spoil the comparison; holds its state."""
    if _locked(experiment).status != ExperimentStatus.DRAFT:
        raise ExperimentBegun


def _locked(experiment: StepExperiment) -> StepExperiment:
    return StepExperiment.objects.select_for_update(no_key=True).get(pk=experiment.pk)


def _moved(experiment: StepExperiment, to: str) -> StepExperiment:
    move(experiment, "status", to, StepExperiment.MOVES)
    experiment.save(update_fields=["status"])
    return experiment


def variant_for(task: Task, *, at: datetime) -> Variant | None:
    """The variant this task's person gets, assigned at the first asking and kept for good.

    A running experiment assigns; a stopped one keeps what it gave. None: nothing to choose from.
    """
    assigned = VariantAssignment.objects.filter(
        enrollment_id=task.enrollment_id, workflow_step_id=task.workflow_step_id
    ).select_related("variant")
    if found := assigned.first():
        return found.variant
    experiment = StepExperiment.objects.filter(
        workflow_step_id=task.workflow_step_id, status=ExperimentStatus.RUNNING
    ).first()
    if experiment is None:
        return None
    variant = choose(experiment, task.enrollment.position.company_id)
    if variant is None:
        return None
    VariantAssignment.objects.create(
        campaign_id=task.campaign_id,
        enrollment_id=task.enrollment_id,
        workflow_step_id=task.workflow_step_id,
        step_experiment=experiment,
        variant=variant,
        assigned_at=at,
    )
    return variant


def choose(experiment: StepExperiment, company_id: UUID) -> Variant | None:
    """The company's variant: a hash of both ids, so one company never sees two.

    None: the experiment has no variants.
    """
    variants = list(experiment.variants.order_by("key"))
    if not variants:
        return None
    bounds = list(accumulate(variant.weight for variant in variants))
    mark = int.from_bytes(sha256(f"{experiment.pk}:{company_id}".encode()).digest()[:8])
    point = mark * bounds[-1] // 2**64
    return next(variant for variant, bound in zip(variants, bounds, strict=True) if point < bound)
