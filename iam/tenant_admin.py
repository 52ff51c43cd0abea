"""What every admin page of an organisation's rows has in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.db.models import Field, Model, QuerySet, TextField
from django.forms import Field as FormField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.paginator import InfinitePaginator
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminTextInputWidget

from iam.models import AuditEvent
from iam.roles import may
from iam.services import record
from prospectflow.errors import DomainError
from prospectflow.tenancy.constraints import is_audited
from prospectflow.tenancy.search import search

# What the filters beside a list put behind a field's name in the page's address.
FILTER_ENDINGS = ("", "__exact", "__in", "__isnull", "__gte", "__lt", "_from", "_to")
HISTORY_LENGTH = 200
# Texts of several lines; PostgreSQL's `text` alone does not say that a field is long.
LONG_TEXTS = frozenset(
    {"activity", "description", "signature", "justification", "body_template", "prompt_text"}
    | {"hq_address", "legal_address", "evidence"}
)


def link_to(row: Model | None, text: str = "") -> SafeString | str:
    """A link to the row's own page, named after it."""
    if row is None:
        return "–"
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return linked(reverse(name, args=[quote(row.pk)]), text or str(row))


def link_to_rows(model: type[Model], text: str, **filters: Any) -> SafeString:
    """A link to the list of the rows that these filters leave."""
    meta = model._meta
    page = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist", query=filters)
    return linked(page, text)


def linked(address: str, text: str) -> SafeString:
    """A link that looks like one."""
    return format_html('<a class="pf-link" href="{}">{}</a>', address, text)


class ByRole:
    """Permissions that follow from the person's role, and fields as long as their content."""

    view_capability = "view"
    change_capability = "change"
    delete_capability = "delete"
    read_only = False  # moved by services, or by nobody

    def formfield_for_dbfield(
        self, db_field: Field, request: HttpRequest, **kwargs: Any
    ) -> FormField | None:
        short = isinstance(db_field, TextField) and db_field.name not in LONG_TEXTS
        if short and not db_field.choices:
            kwargs.setdefault("widget", UnfoldAdminTextInputWidget)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request.membership, self.view_capability)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.membership, self.view_capability)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not self.read_only and may(request.membership, self.change_capability)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not self.read_only and may(request.membership, self.change_capability)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not self.read_only and may(request.membership, self.delete_capability)


class TenantTabularInline(ByRole, TabularInline):
    """Rows of the same organisation, on the page of the row they belong to."""

    extra = 0
    show_change_link = True


class TenantStackedInline(ByRole, StackedInline):
    """Rows of the same organisation, with longer fields."""

    extra = 0
    show_change_link = True


class UncountedList(ChangeList):
    """A page of rows; one row more is read, so that it knows of a next page without counting."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        first = (self.page_num - 1) * self.list_per_page
        rows = list(self.queryset[first : first + self.list_per_page + 1])
        self.result_list = rows[: self.list_per_page]
        self.has_next = len(rows) > self.list_per_page
        self.is_whole = first == 0 and not self.has_next


class TenantAdmin(ByRole, ModelAdmin):
    """Pages over one organisation's rows: PostgreSQL scopes them, the role decides.

    Lists never count their rows and searches use the one operator with an index. Changes are
    written to the organisation's own trail, never to Django's log, which all tenants share.
    """

    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # each would be a count
    list_per_page = 50
    warn_unsaved_form = True

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return UncountedList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        """Each word is found in one of the fields; every field is asked by its own index."""
        fields = self.get_search_fields(request)
        for word in search_term.split() if fields else []:
            found = (
                search(self._shown_with(field), [field], word).values("pk") for field in fields
            )
            queryset = queryset.filter(pk__in=reduce(lambda a, b: a.union(b), found))
        return queryset, False

    def _shown_with(self, field: str) -> QuerySet:
        """The rows of which the list shows this field: no other may be found by it."""
        return self._bare_rows()

    def _bare_rows(self) -> QuerySet:
        return self.model._default_manager.order_by()

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only what a filter offers, and the key of a row that these belong to.

        Comparing any other column would let a reader feel for what no page shows, such as the
        hash of a password, and would reach no index below row-level security.
        """
        filters = map(_filtered_name, self.get_list_filter(request))
        offered = {f"{name}{ending}" for name in filters for ending in FILTER_ENDINGS}
        owners = (field for field in self.opts.fields if field.is_relation)
        keys = {f"{field.name}__{field.related_model._meta.pk.name}__exact" for field in owners}
        return lookup in offered | keys

    # A refusal is a sentence on the page, never an error page --------------------------------
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: Any = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        with _refusals(self, request) as refusal:
            return super().changeform_view(request, object_id, form_url, extra_context)
        return refusal.response

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        with _refusals(self, request) as refusal:
            return super().changelist_view(request, extra_context)
        return refusal.response

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        with _refusals(self, request) as refusal:
            return super().delete_view(request, object_id, extra_context)
        return refusal.response

    # The trail -------------------------------------------------------------------------------
    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> AuditEvent:
        return self._record("added", request, obj)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> AuditEvent:
        return self._record("changed", request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> list[AuditEvent]:
        return [self._record("deleted", request, row) for row in queryset]

    def _record(self, action: str, request: HttpRequest, row: Model, message: Any = "") -> Any:
        if is_audited(row):
            return None  # PostgreSQL wrote it down already, with what changed
        text = f"{row}: {_in_words(message)}" if message else ""
        return record(action, at=timezone.now(), user=request.user, target=row, text=text)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """What was done to this row, the newest first, from the organisation's trail."""
        row = self.get_object(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        entries = (
            AuditEvent.objects.filter(object_type=self.opts.label_lower, object_id=str(row.pk))
            .select_related("user", "service_account")
            .order_by("-at", "-id")
        )
        context = {
            **self.admin_site.each_context(request),
            "title": f"History: {row}",
            "entries": entries[:HISTORY_LENGTH],
            "original": row,
            "opts": self.opts,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "console/history.html", context)


def _filtered_name(item: Any) -> str:
    """The name in the page's address of one item of `list_filter`."""
    if isinstance(item, tuple):
        return item[0]
    return getattr(item, "parameter_name", item)


class _Refusal:
    response: HttpResponse


@contextmanager
def _refusals(admin: ModelAdmin, request: HttpRequest) -> Iterator[_Refusal]:
    """Undo what was begun, say why on the same page, when a rule refuses a POST."""
    refusal = _Refusal()
    if request.method != "POST":
        yield refusal
        return
    try:
        with transaction.atomic():
            yield refusal
            _settle()
    except DomainError as error:
        sentence = str(error)
    except IntegrityError as error:
        sentence = _primary(error)
    else:
        return
    admin.message_user(request, sentence, messages.ERROR)
    refusal.response = HttpResponseRedirect(request.get_full_path())


def _settle() -> None:
    """Let the rules that wait for the end of the transaction speak now."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _primary(error: IntegrityError) -> str:
    diagnosis = getattr(error.__cause__, "diag", None)
    return f"{getattr(diagnosis, 'message_primary', None) or error}."


def _in_words(message: Any) -> str:
    """Django's structured change message as one line: `changed name, city`."""
    if isinstance(message, str):
        return message
    parts = (part for each in message for part in each.items())
    return "; ".join(
        " ".join([verb, details.get("name", ""), details.get("object", "")]).strip()
        + (f" {', '.join(map(str, details['fields']))}" if details.get("fields") else "")
        for verb, details in parts
    )
