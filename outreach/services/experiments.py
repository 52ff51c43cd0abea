"""Who is shown which variant: stable, in proportion to the weights, one per company."""

from datetime import datetime
from hashlib import sha256
from itertools import accumulate
from uuid import UUID

from outreach.models import StepExperiment, Task, Variant, VariantAssignment
from outreach.states import ExperimentStatus


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
