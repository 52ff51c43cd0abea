"""In which language whoever asks wants to be told what is wrong with a file."""

from typing import Any

from django.utils.translation.trans_real import parse_accept_lang_header
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from crm.importing.sentences import LANGUAGES

TOLD = OpenApiParameter(
    "Accept-Language",
    str,
    OpenApiParameter.HEADER,
    description=f"The language of sentences: {' or '.join(LANGUAGES)}; English where neither is.",
)


def language_of(request: Request) -> str:
    """The first language of Accept-Language that sentences exist in; else English."""
    wanted = parse_accept_lang_header(request.headers.get("Accept-Language", "").lower()[:500])
    spoken = (tag.partition("-")[0] for tag, weight in wanted if weight)
    return next((language for language in spoken if language in LANGUAGES), LANGUAGES[0])


def in_language(language: str) -> dict[str, Any]:
    """What an answer in this language says of itself."""
    return {"Content-Language": language, "Vary": "Accept-Language"}
