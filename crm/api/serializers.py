"""How prospects look to programs."""

from rest_framework import serializers

from crm.models import Company


class CompanySerializer(serializers.ModelSerializer):
    """A company."""

    class Meta:
        model = Company
        fields = ["id", "name", "created_at", "updated_at"]
