"""The same request sent twice, by its Idempotency-Key, is done once and answered twice."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from operator import itemgetter
from typing import Any, cast
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import connection
from django.http import HttpResponse, QueryDict
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from iam.models import Receipt
from prospectflow.api.errors import Problem
from prospectflow.tenancy.middleware import TenantRequest

HEADER = "Idempotency-Key"
KEY = re.compile(r"[\x21-\x7e]{1,255}")
REPLAYED = "Idempotency-Replayed"
KEPT = ("Content-Type", "ETag", "Location")
REUSED = "This Idempotency-Key was used for another request: send a new one with each request."
UNREADABLE = "The answer to this Idempotency-Key can no longer be read: look what was done."
# Whoever sends the same key at the same time waits here until the first is done or has failed.
CLAIM = """
INSERT INTO iam.receipts (actor, key, request_digest, status, body, at)
VALUES (%s, %s, %s, 0, '', %s) ON CONFLICT (organisation_id, actor, key) DO NOTHING RETURNING id
"""


def key_of(request: Request) -> str | None:
    """The request's key, if it bears one; 400 for a malformed one."""
    key = request.headers.get(HEADER)
    if key is not None and not KEY.fullmatch(key):
        sentence = "Send 1 to 255 visible ASCII characters, without spaces."
        raise ValidationError({HEADER: [ErrorDetail(sentence, "invalid")]})
    return key


def claim(request: Request, key: str, *, now: datetime) -> UUID | HttpResponse:
    """A place for this request's answer, or the answer that was given before.

    Both live in the request's transaction, so a refused request leaves no receipt.
    """
    place = cast("TenantRequest", request._request).membership
    actor = str((place and place.service_account_id) or request.user.pk)
    digest = _digest(request)
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [actor, key, digest, now])
        if new := cursor.fetchone():
            return new[0]
    receipt = Receipt.objects.get(actor=actor, key=key)
    if receipt.request_digest != digest:
        raise Problem(422, "IDEMPOTENCY_KEY_REUSED", REUSED)
    return _replay(receipt)


def settle(receipt_id: UUID, response: HttpResponse) -> None:
    """Keep the answer, sealed: it may hold a secret that is shown only once."""
    headers = {name: response[name] for name in KEPT if name in response}
    body = json.dumps([headers, response.content.decode()])
    sealed = _fernet().encrypt(body.encode()).decode()
    Receipt.objects.filter(pk=receipt_id).update(status=response.status_code, body=sealed)


def _replay(receipt: Receipt) -> HttpResponse:
    try:
        kept = _fernet().decrypt(receipt.body.encode())
    except InvalidToken as error:
        raise Problem(409, "CONFLICT", UNREADABLE) from error
    headers, content = json.loads(kept)
    response = HttpResponse(content, status=receipt.status, headers=headers)
    response[REPLAYED] = "true"
    return response


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.CREDENTIAL_KEYS])


def _digest(request: Request) -> str:
    digest = sha256(f"{request.method} {request.get_full_path()}\n".encode())
    for piece in _pieces(request):
        digest.update(len(piece).to_bytes(8))
        digest.update(piece)
    return digest.hexdigest()


def _pieces(request: Request) -> Iterator[bytes]:
    """The body; a form part by part, since its boundary differs each time it is sent."""
    if not (request.content_type.startswith("multipart/") or _is_streamed(request)):
        yield request._request.body
        return
    for name, values in sorted(_parts(request.data), key=itemgetter(0)):
        yield name.encode()
        for value in values:
            yield from _part(value)


def _is_streamed(request: Request) -> bool:
    """Whether the body is read piece by piece, so that it is nowhere as a whole."""
    parser = cast("Any", request).negotiator.select_parser(request, request.parsers)
    return getattr(parser, "streams", False)


def _parts(data: Any) -> Iterable[tuple[str, list[Any]]]:
    if isinstance(data, QueryDict):
        return cast("Iterable[tuple[str, list[Any]]]", data.lists())
    return ((name, [value]) for name, value in data.items())


def _part(value: Any) -> Iterator[bytes]:
    if not hasattr(value, "chunks"):
        yield str(value).encode()
        return
    yield str(value.name).encode()
    yield from value.chunks()
    value.seek(0)
