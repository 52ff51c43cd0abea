"""How files of prospects, and what became of them, look to programs."""

from rest_framework import serializers

from crm.importing.profiles import IGNORE, KEEP, PROFILES, TARGETS
from outreach.models import Campaign, ImportUpload
from prospectflow.api.serializers import StrictModelSerializer, StrictSerializer

COLUMNS = 1000  # of a file; more are a mistake of whoever made it


class ListedImportSerializer(StrictModelSerializer):
    """A file in a list, and how far it has come."""

    class Meta:
        model = ImportUpload
        fields = ["id", "filename", "file_size", "file_sha256", "profile", "status", "row_count"]
        fields += ["campaign", "uploaded_by", "uploaded_at", "created_at", "updated_at"]
        read_only_fields = fields


class ImportSerializer(ListedImportSerializer):
    """A file, its columns, and what they mean: a field such as `position.email`, keep or ignore."""

    profile = serializers.ChoiceField(choices=sorted(PROFILES))
    detected_columns = serializers.ListField(child=serializers.CharField(), read_only=True)
    column_mappings = serializers.DictField(
        child=serializers.ChoiceField(choices=[KEEP, IGNORE, *TARGETS])
    )
    parse_errors = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Why it cannot go on."
    )

    class Meta(ListedImportSerializer.Meta):
        fields = [*ListedImportSerializer.Meta.fields, "detected_columns", "column_mappings"]
        fields += ["parse_errors"]
        read_only_fields = [name for name in fields if name not in ("profile", "column_mappings")]

    def validate_column_mappings(self, columns: dict[str, str]) -> dict[str, str]:
        if len(columns) > COLUMNS:
            raise serializers.ValidationError(f"Send at most {COLUMNS:,} columns.")
        return columns


class UploadSerializer(StrictSerializer):
    """A CSV file as a form's part, and what is known of it already."""

    file = serializers.FileField(max_length=255)
    profile = serializers.ChoiceField(choices=sorted(PROFILES), required=False)
    campaign = serializers.PrimaryKeyRelatedField(
        queryset=Campaign.objects.all(), required=False, allow_null=True
    )


class NoteSerializer(StrictSerializer):
    """One thing wrong with one cell, or with a whole row."""

    row = serializers.IntegerField(read_only=True)
    column = serializers.CharField(read_only=True)
    value = serializers.CharField(read_only=True)
    code = serializers.CharField(read_only=True)
    sentence = serializers.CharField(read_only=True)


class TallySerializer(StrictSerializer):
    """How many rows of a table were new, changed, or as they had been."""

    created = serializers.IntegerField(read_only=True)
    updated = serializers.IntegerField(read_only=True)
    unchanged = serializers.IntegerField(read_only=True)


class ReportSerializer(StrictSerializer):
    """What the rows are; after a dry run, what they would become."""

    file_name = serializers.CharField(read_only=True)
    sha256 = serializers.CharField(read_only=True)
    encoding = serializers.CharField(read_only=True)
    delimiter = serializers.CharField(read_only=True)
    profile = serializers.CharField(read_only=True)
    dry_run = serializers.BooleanField(read_only=True)
    columns_mapped = serializers.DictField(child=serializers.CharField(), read_only=True)
    columns_ignored = serializers.ListField(child=serializers.CharField(), read_only=True)
    columns_unknown = serializers.ListField(child=serializers.CharField(), read_only=True)
    rows = serializers.IntegerField(read_only=True)
    rows_imported = serializers.IntegerField(read_only=True)
    rows_refused = serializers.IntegerField(read_only=True)
    rows_duplicate = serializers.IntegerField(read_only=True)
    companies = TallySerializer(read_only=True)
    people = TallySerializer(read_only=True)
    positions = TallySerializer(read_only=True)
    phones = TallySerializer(read_only=True)
    refused = NoteSerializer(many=True, read_only=True)
    duplicates = NoteSerializer(many=True, read_only=True)
    notes = NoteSerializer(many=True, read_only=True)
