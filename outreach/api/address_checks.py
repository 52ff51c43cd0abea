"""Whether the domains of all addresses take mail: asked by a worker, read here."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from outreach.models import AddressCheck
from outreach.services.verifying import ask_for_check
from prospectflow.api.serializers import StrictModelSerializer, StrictSerializer
from prospectflow.api.viewsets import ReadOnlyTenantViewSet


def _count(of: str) -> serializers.IntegerField:
    return serializers.IntegerField(read_only=True, default=0, help_text=of)


class AddressReportSerializer(StrictSerializer):
    """What was found so far, in addresses; one may count in several places."""

    syntax = _count("All that were looked at: each can be an address.")
    accepts = _count("Their domain takes mail.")
    refuses = _count("Their domain takes none, or is not there.")
    unknown = _count("Their domain did not say; this changes nothing.")
    role = _count("A role's, such as contact@.")
    free = _count("At a mail provider.")
    disposable = _count("At a provider of throw-away addresses.")
    catch_all = _count("Their supplier says that the domain takes every address.")
    domains_asked = _count("Domains that were asked; of others the answer was known.")
    made_invalid = _count("Became `invalid`, since their domain refuses.")
    given_back = _count("Got their status back, since their domain takes mail again.")


class AddressCheckSerializer(StrictModelSerializer):
    """One round through all addresses; `finished_at` is empty while it goes on."""

    report = AddressReportSerializer(read_only=True)

    class Meta:
        model = AddressCheck
        fields = ["id", "asked_by", "asked_at", "finished_at", "report", "created_at", "updated_at"]
        read_only_fields = fields


class AddressCheckViewSet(ReadOnlyTenantViewSet):
    """Rounds of asking the domains of all addresses whether they take mail."""

    queryset = AddressCheck.objects.all()
    serializer_class = AddressCheckSerializer

    @extend_schema(request=None, responses={202: AddressCheckSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Have all addresses checked; while a check has not finished, that one is the answer."""
        check = ask_for_check(at=self.now, user=self.person)
        headers = {"Location": self.reverse_action("detail", args=[check.pk])}
        shown = self.get_serializer(check).data
        return Response(shown, status=status.HTTP_202_ACCEPTED, headers=headers)
