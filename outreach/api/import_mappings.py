"""What columns were said to mean, kept for the next file with the same header."""

from rest_framework import mixins

from outreach.api.import_serializers import MappingSerializer
from outreach.models import ImportMapping
from prospectflow.api.viewsets import ReadOnlyTenantViewSet


class ImportMappingViewSet(mixins.DestroyModelMixin, ReadOnlyTenantViewSet):
    """What the columns of a kind of file mean: settled by mapping an import, found again by header.

    Without it the next such file is read as its profile suggests.
    """

    queryset = ImportMapping.objects.all()
    serializer_class = MappingSerializer
    filterset_fields = ["profile"]
