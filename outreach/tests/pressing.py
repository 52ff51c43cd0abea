"""What tests of the console's pages of imports do: upload, press buttons, have jobs run."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from crm.models import Position
from iam.models import Organisation
from outreach import tasks
from outreach.models import ImportUpload
from prospectflow.tenancy.context import tenant

SAMPLE = settings.BASE_DIR / "crm" / "sample" / "pharow-marseille.csv"
HEADER = "company_name,email,first_name,last_name"
ROW = "Café des Amis,ada@bar.example.com,Ada,Lovelace"
BAD = "Bistrot Bravo,not an address,Grace,Hopper"
NEW = "/imports/new/"
LIST = "/outreach/importupload/"
run_before: set[int] = set()  # the jobs of all tests: their numbers are never given again


def upload(client: Client, *lines: str, name: str = "prospects.csv", **fields: Any) -> Any:
    content = fields.pop("content", None) or ("\n".join(lines or (HEADER, ROW)) + "\n").encode()
    headers = fields.pop("headers", None)
    form = {"file": SimpleUploadedFile(name, content)} | fields
    return client.post(NEW, form, headers=headers)


def uploaded(
    client: Client, organisation: Organisation, *lines: str, **fields: Any
) -> ImportUpload:
    answer = upload(client, *lines, **fields)
    assert answer.status_code == 303, answer.content
    return newest(organisation)


def newest(organisation: Organisation) -> Any:
    with tenant(organisation.pk):
        return ImportUpload.objects.order_by("-pk").first()


def page(given: ImportUpload, name: str = "import") -> str:
    return reverse(f"console:{name}", args=[given.pk])


def move(client: Client, given: ImportUpload, to: str, **more: str) -> Any:
    return client.post(page(given, "import_move"), {"to": to} | more, follow=True)


def worked_off(organisation: Organisation) -> list[str]:
    """Run the jobs that were deferred, as a worker would; returns their names."""
    jobs = list(ProcrastinateJob.objects.exclude(pk__in=run_before).order_by("pk"))
    run_before.update(job.pk for job in jobs)
    for job in jobs:
        run = getattr(tasks, job.task_name.partition(".")[2])
        run(organisation.pk, newest(organisation).pk, stopping=lambda: False)
    return [job.task_name for job in jobs]


def checked(client: Client, organisation: Organisation, *lines: str, **fields: Any) -> ImportUpload:
    given = uploaded(client, organisation, *lines, **fields)
    move(client, given, "validate")
    worked_off(organisation)
    return newest(organisation)


def buttons(answer: Any) -> list[str]:
    return [to for to, _ in answer.context["moves"]]


def stored(organisation: Organisation) -> int:
    with tenant(organisation.pk):
        return Position.objects.count()


def in_organisation(organisation: Organisation, make: Callable[[], Any]) -> Any:
    with tenant(organisation.pk):
        return make()
