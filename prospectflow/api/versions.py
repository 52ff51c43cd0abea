"""Entity tags (RFC 9110, 8.8.3 and 13.1): whoever changes what has changed meanwhile learns it.

A tag is the row's version and, after a dot, a digest of the answer: If-Match looks at the
first alone, since numbers beside a row may move without anybody having edited it.
"""

import re
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import models
from django.http import HttpResponseNotModified
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from prospectflow.api.errors import Problem

TAG = r'(?:W/)?"[\x21\x23-\x7e]*"'
TAGS = re.compile(rf"\s*(?:\*|{TAG}(?:\s*,\s*{TAG})*)\s*")
EDITS = frozenset({"PUT", "PATCH", "DELETE"})
CHANGED = "This has changed since you read it: read it again, then repeat your change."


def version_of(row: Any) -> str | None:
    """What changes with each edit of the row; None for what has no such moment."""
    changed_at = getattr(row, "updated_at", None)
    if not isinstance(row, models.Model) or row.pk is None or changed_at is None:
        return None
    return sha256(f"{row.pk} {changed_at.isoformat()}".encode()).hexdigest()[:20]


def require_unchanged(request: Request, model: type[models.Model], pk: UUID) -> None:
    """Lock the row until the answer is given; 412 unless If-Match names its version, or nothing."""
    rows = model._base_manager.select_for_update(no_key=True).filter(pk=pk)
    row = rows.only("pk", "updated_at").first()
    wanted = tags(request, "If-Match")
    if row is None or not wanted or wanted == ["*"]:
        return
    if not any(tag.strip('"').partition(".")[0] == version_of(row) for tag in wanted):
        raise Problem(412, "PRECONDITION_FAILED", CHANGED)


def tag(request: Request, response: Any) -> Any:
    """The answer with its tag, when it shows one row; 304 when the caller has it already."""
    serializer = getattr(getattr(response, "data", None), "serializer", None)
    version = version_of(getattr(serializer, "instance", None))
    if version is None or response.status_code >= 300:
        return response
    content = response.render().content
    response["ETag"] = f'"{version}.{sha256(content).hexdigest()[:20]}"'
    known = [each.removeprefix("W/") for each in tags(request, "If-None-Match")]
    if request.method not in ("GET", "HEAD") or not {"*", response["ETag"]} & set(known):
        return response
    return HttpResponseNotModified(headers={"ETag": response["ETag"]})


def tags(request: Request, header: str) -> list[str]:
    """The tags that a header of the request names; 400 where it is malformed."""
    given = request.headers.get(header, "")
    if given and not TAGS.fullmatch(given):
        sentence = "Send the ETag as it was received, in double quotes, or *."
        raise ValidationError({header: [ErrorDetail(sentence, "invalid")]})
    return re.findall(rf"\*|{TAG}", given)
