"""How files of prospects, and what became of them, look to programs."""

from rest_framework import serializers

from crm.importing.profiles import IGNORE, KEEP, PROFILES, TARGETS
from outreach.api.import_items import ItemsField
from outreach.models import Campaign, ImportMapping, ImportProblem, ImportUpload
from outreach.states import ProblemKind, UploadStatus
from prospectflow.api.serializers import StrictModelSerializer, StrictSerializer

COLUMNS = 1000  # of a file; more are a mistake of whoever made it
MAPPED, IGNORED, UNKNOWN = "mapped", "ignored", "unknown"
STAGES = ["waiting", "reading", "storing", "undoing", "done"]


class ListedImportSerializer(StrictModelSerializer):
    """A file in a list, and how far it has come.

    `rows_done` is the last row whose part of the file was stored: a cancelled import ends there.
    """

    class Meta:
        model = ImportUpload
        fields = ["id", "filename", "file_size", "file_sha256", "profile", "status", "row_count"]
        fields += ["rows_done", "campaign", "uploaded_by", "uploaded_at", "started_at"]
        fields += ["finished_at", "created_at", "updated_at"]
        read_only_fields = fields


class FormatSerializer(StrictSerializer):
    """What the file was found to be; empty texts where a kind of file has no such thing."""

    kind = serializers.CharField(read_only=True, default="", help_text="csv, xlsx, ods or json.")
    encoding = serializers.CharField(read_only=True, default="")
    delimiter = serializers.CharField(read_only=True, default="")
    compression = serializers.CharField(read_only=True, default="", help_text="gz or zip.")
    sheet = serializers.CharField(read_only=True, default="")
    sheets = serializers.ListField(child=serializers.CharField(), read_only=True, default=list)


class ImportSerializer(ListedImportSerializer):
    """A file, its columns, and what they mean: a field such as `position.email`, keep or ignore."""

    format = FormatSerializer(read_only=True)
    profile = serializers.ChoiceField(choices=sorted(PROFILES))
    detected_columns = serializers.ListField(child=serializers.CharField(), read_only=True)
    column_mappings = serializers.DictField(
        child=serializers.ChoiceField(choices=[KEEP, IGNORE, *TARGETS])
    )
    parse_errors = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Why it cannot go on."
    )

    class Meta(ListedImportSerializer.Meta):
        fields = [*ListedImportSerializer.Meta.fields, "format", "detected_columns"]
        fields += ["column_mappings", "parse_errors", "contacted_allowed_by"]
        fields += ["contacted_allowed_at"]
        read_only_fields = [name for name in fields if name not in ("profile", "column_mappings")]

    def validate_column_mappings(self, columns: dict[str, str]) -> dict[str, str]:
        if len(columns) > COLUMNS:
            raise serializers.ValidationError(f"Send at most {COLUMNS:,} columns.")
        return columns


class _BroughtSerializer(StrictSerializer):
    """What may be known already of prospects that are brought in."""

    profile = serializers.ChoiceField(choices=sorted(PROFILES), required=False)
    campaign = serializers.PrimaryKeyRelatedField(
        queryset=Campaign.objects.all(),
        required=False,
        allow_null=True,
        help_text="Takes in everybody who is imported.",
    )


class UploadSerializer(_BroughtSerializer):
    """A file as a form's part, and what is known of it already."""

    file = serializers.FileField(
        max_length=255, help_text="CSV, XLSX, ODS or NDJSON, as it is or as .gz or .zip."
    )
    sheet = serializers.CharField(
        max_length=255, required=False, help_text="Of a workbook; else the first one."
    )


class ItemsSerializer(_BroughtSerializer):
    """Prospects as JSON: an object for each, flat or with `position`, `person` and `company`."""

    data = ItemsField()  # type: ignore[assignment]


class ColumnSerializer(StrictSerializer):
    """One column of the file: what it means, and why that was suggested."""

    name = serializers.CharField(read_only=True)
    samples = serializers.ListField(child=serializers.CharField(), read_only=True)
    target = serializers.ChoiceField(choices=[KEEP, IGNORE, *TARGETS], read_only=True)
    state = serializers.ChoiceField(choices=[MAPPED, IGNORED, UNKNOWN], read_only=True)
    reason = serializers.CharField(read_only=True)
    sentence = serializers.CharField(read_only=True)
    rivals = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Columns that mean the same."
    )


class ColumnsSerializer(StrictSerializer):
    """Every column of the file, in its order."""

    profile = serializers.ChoiceField(choices=sorted(PROFILES), read_only=True)
    columns = ColumnSerializer(many=True, read_only=True)


class ProgressSerializer(StrictSerializer):
    """How far the present stage is; null for what is not known yet."""

    status = serializers.ChoiceField(choices=UploadStatus.choices, read_only=True)
    stage = serializers.ChoiceField(choices=STAGES, read_only=True)
    rows = serializers.IntegerField(read_only=True)
    of = serializers.IntegerField(read_only=True, allow_null=True)
    rows_per_second = serializers.FloatField(read_only=True, allow_null=True)
    seconds_left = serializers.FloatField(read_only=True, allow_null=True)


class RowProblemSerializer(StrictModelSerializer):
    """One thing wrong with one cell, or with a whole row."""

    sentence = serializers.SerializerMethodField()

    class Meta:
        model = ImportProblem
        fields = ["id", "row", "kind", "column", "value", "code", "sentence"]
        read_only_fields = fields

    def get_sentence(self, problem: ImportProblem) -> str:
        return problem.said(self.context["language"])


class TallySerializer(StrictSerializer):
    """How many rows of a table were new, changed, or as they had been."""

    created = serializers.IntegerField(read_only=True)
    updated = serializers.IntegerField(read_only=True)
    unchanged = serializers.IntegerField(read_only=True)


class ReportSerializer(StrictSerializer):
    """What the rows are; after a dry run, what they would become.

    Of each kind of problem the first 100 are here, and all of them at `problems/`. The numbers of
    an import that did not end, or was undone, are those of the whole file: `standing` says so.
    """

    stored_up_to_row = serializers.IntegerField(
        read_only=True, help_text="The last row whose part of the file is stored; 0: none is."
    )
    standing = serializers.CharField(
        read_only=True, help_text="What the numbers are, where they are not what is stored."
    )
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
    rows_warned = serializers.IntegerField(read_only=True, default=0)
    companies = TallySerializer(read_only=True)
    people = TallySerializer(read_only=True)
    positions = TallySerializer(read_only=True)
    phones = TallySerializer(read_only=True)
    codes = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        read_only=True,
        default=dict,
        help_text="Kind of problem → its code → how often.",
    )
    enrolled = serializers.IntegerField(
        read_only=True, default=0, help_text="How many of them the campaign took in."
    )
    enrolling = serializers.CharField(
        read_only=True, default="", help_text="Why the campaign took in no more."
    )
    undone = serializers.DictField(
        child=serializers.IntegerField(), read_only=True, default=dict, help_text="What was undone."
    )
    refused = RowProblemSerializer(many=True, read_only=True)
    duplicates = RowProblemSerializer(many=True, read_only=True)
    warnings = RowProblemSerializer(many=True, read_only=True)
    notes = RowProblemSerializer(many=True, read_only=True)


LISTS = {  # the report's list of each kind of problem
    ProblemKind.REFUSED: "refused",
    ProblemKind.DUPLICATE: "duplicates",
    ProblemKind.WARNING: "warnings",
    ProblemKind.NOTE: "notes",
}


class MappingSerializer(StrictModelSerializer):
    """What the columns of one kind of file mean, as somebody settled it last."""

    column_mappings = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = ImportMapping
        fields = ["id", "header_digest", "profile", "column_mappings", "settled_at"]
        fields += ["created_at", "updated_at"]
        read_only_fields = fields
