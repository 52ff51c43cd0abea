"""What campaigns say: steps, prompts, and the texts that are compared."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from outreach.api import campaign_filters as filters
from outreach.api import step_serializers as serializers
from outreach.api.ruled import RuledViewSet
from outreach.models import Prompt, StepExperiment, Variant, VariantAssignment, WorkflowStep
from outreach.services.campaigns import keep_ready
from outreach.services.editing_steps import change_step, effect_of
from outreach.services.experiments import refuse_begun, start_experiment, stop_experiment
from outreach.services.prompts import write_version
from prospectflow.api.exports import Exported
from prospectflow.api.viewsets import ReadOnlyTenantViewSet

EFFECT = OpenApiExample(
    "Half of them are approved",
    {
        "stay": 12,
        "back_to_review": 0,
        "rewritten": 13,
        "by_hand": 0,
        "moved": 0,
        "skipped": 0,
        "sent": 40,
        "ahead": 0,
        "past": 0,
        "sentences": [
            "12 approved mails stay as they are.",
            "13 drafts are written anew.",
            "40 mails of it have left and are untouched.",
        ],
    },
    response_only=True,
)
CHANGED = extend_schema(
    request=serializers.ChangedStepSerializer, responses=serializers.StepSerializer
)
MOVED = extend_schema(request=None, responses=serializers.ExperimentSerializer)


@extend_schema_view(update=CHANGED, partial_update=CHANGED)
class StepViewSet(RuledViewSet):
    """The mails of campaigns, in their order by `step_index`."""

    queryset = WorkflowStep.objects.order_by("-id")
    serializer_class = serializers.StepSerializer
    list_serializer_class = serializers.ListedStepSerializer
    filterset_class = filters.StepFilters
    sortable = {"created_at": "id", "step_index": "step_index"}
    capabilities = {"preview": "view"}

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        if self.action in ("update", "partial_update", "preview"):
            return serializers.ChangedStepSerializer
        return super().get_serializer_class()

    def perform_save(self, serializer: BaseSerializer[Any]) -> None:
        keep_ready(serializer.save().campaign)

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        """Change it and what waits of it; see `preview`."""
        step: Any = serializer.instance
        changes, options = _changes(serializer)
        change_step(step, changes, **options, at=self.now, user=self.person)
        self.reread(serializer)

    @extend_schema(
        request=serializers.ChangedStepSerializer(partial=True),
        responses=serializers.EffectSerializer,
        examples=[EFFECT],
    )
    @action(detail=True, methods=["post"])
    def preview(self, request: Request, pk: str) -> Response:
        """Say what a change would do to mails that wait, and do nothing."""
        step = self.get_object()
        serializer = self.get_serializer(step, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        changes, options = _changes(serializer)
        return Response(serializers.EffectSerializer(effect_of(step, changes, **options)).data)


def _changes(serializer: BaseSerializer[Any]) -> tuple[dict[str, Any], dict[str, bool]]:
    """The fields that are to be changed, and how."""
    changes = {k: v for k, v in serializer.validated_data.items() if k != "campaign"}
    return changes, {"keep_approved": changes.pop("keep_approved", True)}


@extend_schema_view(
    create=extend_schema(description="Write a prompt, or the next version of one that is there.")
)
class PromptViewSet(RuledViewSet):
    """Prompts. A text is never changed: another text is the next version."""

    queryset = Prompt.objects.order_by("-id")
    serializer_class = serializers.PromptSerializer
    list_serializer_class = serializers.ListedPromptSerializer
    filterset_class = filters.PromptFilters

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        serializer.instance = write_version(Prompt(**serializer.validated_data))
        self.reread(serializer)


class ExperimentViewSet(RuledViewSet):
    """Experiments on steps, with their variants."""

    queryset = (
        StepExperiment.objects.select_related("workflow_step")
        .prefetch_related("variants")
        .order_by("-id")
    )
    serializer_class = serializers.ExperimentSerializer
    filterset_class = filters.ExperimentFilters
    capabilities = {"start": "change", "stop": "change"}

    @MOVED
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        """Give variants from now on; 409 with fewer than two of them."""
        return self._moved(start_experiment)

    @MOVED
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        """Give no more variants, for good; those given are kept."""
        return self._moved(stop_experiment)

    def _moved(self, service: Callable[[StepExperiment], StepExperiment]) -> Response:
        experiment = service(self.get_object())
        return Response(self.get_serializer(self.get_queryset().get(pk=experiment.pk)).data)


class VariantViewSet(RuledViewSet):
    """The variants of experiments; once theirs has begun they stay as they are."""

    queryset = Variant.objects.order_by("-id")
    serializer_class = serializers.VariantSerializer
    list_serializer_class = serializers.ListedVariantSerializer
    filterset_class = filters.VariantFilters

    def perform_save(self, serializer: BaseSerializer[Any]) -> None:
        row = serializer.instance or Variant(**serializer.validated_data)
        refuse_begun(row.step_experiment)
        serializer.save()


class AssignmentViewSet(Exported, ReadOnlyTenantViewSet):
    """Which variant each enrolment was given at each step with an experiment."""

    queryset = VariantAssignment.objects.select_related("variant").order_by("-id")
    serializer_class = serializers.AssignmentSerializer
    filterset_class = filters.AssignmentFilters
