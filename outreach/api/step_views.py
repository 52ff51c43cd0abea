"""What campaigns say: steps, prompts, and the texts that are compared."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from outreach.api import campaign_filters as filters
from outreach.api import step_serializers as serializers
from outreach.api.ruled import RuledViewSet
from outreach.models import Prompt, StepExperiment, Variant, VariantAssignment, WorkflowStep
from outreach.services.campaigns import keep_ready
from outreach.services.experiments import refuse_begun, start_experiment, stop_experiment
from outreach.services.prompts import write_version
from prospectflow.api.exports import Exported
from prospectflow.api.viewsets import ReadOnlyTenantViewSet

MOVED = extend_schema(request=None, responses=serializers.ExperimentSerializer)


class StepViewSet(RuledViewSet):
    """The mails of campaigns, in their order by `step_index`."""

    queryset = WorkflowStep.objects.order_by("-id")
    serializer_class = serializers.StepSerializer
    list_serializer_class = serializers.ListedStepSerializer
    filterset_class = filters.StepFilters
    sortable = {"created_at": "id", "step_index": "step_index"}

    def perform_save(self, serializer: BaseSerializer[Any]) -> None:
        keep_ready(serializer.save().campaign)


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
