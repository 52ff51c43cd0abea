"""Companies, people and positions of the organisation."""

from crm.api.serializers import CompanySerializer
from crm.models import Company
from prospectflow.api.viewsets import EditableTenantViewSet


class CompanyViewSet(EditableTenantViewSet):
    """Companies."""

    queryset = Company.objects.order_by("-id")
    serializer_class = CompanySerializer
    search_fields = ["name"]
