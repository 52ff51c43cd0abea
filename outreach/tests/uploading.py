"""Files of prospects through the API, and the worker that does what was asked of it."""

import csv
import io
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import MULTIPART_CONTENT

from crm.models import Company, Person, Position
from iam.models import Organisation
from outreach.tasks import import_upload, undo_upload, validate_upload
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import ApiClient

IMPORTS = "/api/v1/imports/"
HEADER = "company_name,email,first_name,last_name"
ROW = "Café des Amis,ada@bar.example.com,Ada,Lovelace"
TASKS = {"validate": validate_upload, "run": import_upload, "undo": undo_upload}


def upload(
    client: ApiClient,
    content: str | bytes = f"{HEADER}\n{ROW}\n",
    *,
    name: str = "prospects.csv",
    headers: dict[str, str] | None = None,
    **fields: Any,
) -> Any:
    """The answer to a file sent as a form."""
    content = content if isinstance(content, bytes) else content.encode()
    form = {"file": SimpleUploadedFile(name, content)} | fields
    return client.post(IMPORTS, form, MULTIPART_CONTENT, headers=headers)


def uploaded(client: ApiClient, *lines: str, **fields: Any) -> dict[str, Any]:
    """A CSV file of these lines that was taken."""
    answer = upload(client, "\n".join(lines or (HEADER, ROW)) + "\n", **fields)
    assert answer.status_code == 201, answer.content
    return answer.json()


def page(given: dict[str, Any], action: str = "") -> str:
    return f"{IMPORTS}{given['id']}/{action}"


def begin(client: ApiClient, given: dict[str, Any], action: str) -> Any:
    """The answer to asking for a stage, which a worker has not begun yet."""
    answer = client.post(page(given, f"{action}/"))
    assert answer.status_code == 202, answer.content
    return answer


def work(organisation: Organisation, given: dict[str, Any], action: str) -> None:
    """What a worker does with the job of that stage."""
    TASKS[action](organisation.pk, UUID(given["id"]), stopping=lambda: False)


def stage(client: ApiClient, given: dict[str, Any], action: str) -> dict[str, Any]:
    """The import once the stage was asked for and a worker is through with it."""
    begin(client, given, action)
    work(client.organisation, given, action)
    return client.get(page(given)).json()


def text_of(answer: Any) -> str:
    """The whole of an answer, streamed or not."""
    return b"".join(answer).decode("utf-8-sig")


def left_out(client: ApiClient, given: dict[str, Any], **headers: str) -> list[dict[str, str]]:
    """The rows left out, as their file has them."""
    answer = client.get(page(given, "refused-rows/"), headers={"Accept": "text/csv", **headers})
    assert answer.status_code == 200, answer.content
    return list(csv.DictReader(io.StringIO(text_of(answer), newline="")))


def stored(organisation: Organisation) -> list[int]:
    """How many companies, people and positions there are."""
    with tenant(organisation.pk):
        return [model.objects.count() for model in (Company, Person, Position)]
