"""Web addresses, pages on LinkedIn and domains."""

import re
from urllib.parse import urlsplit

import idna

from crm.importing.normalising.texts import EMPTY_WORDS, Unusable, cleaned

URL_LIMIT = 800  # bytes; PostgreSQL indexes no more than 2,700
LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?"
DOMAIN = re.compile(rf"({LABEL}\.)+(?!\d+$){LABEL}")
# What nearly every cell looks like, so that the common case needs no parser.
PLAIN_PATH = r"(?:/[A-Za-z0-9_/.~%+-]*)?"
PLAIN_URL = re.compile(
    rf"(https?://)?((?:[a-z0-9](?:[a-z0-9-]{{0,61}}[a-z0-9])?\.)+[a-z]{{2,63}})({PLAIN_PATH})"
)
PLAIN_PAGE = re.compile(
    rf"(?:https?://)?(?:[a-z]{{2,3}}\.)?linkedin\.com({PLAIN_PATH})(?:\?[A-Za-z0-9_=&%.~+-]*)?"
)
PLAIN_HOST = re.compile(r"https?://(?:www\.)?([a-z0-9_.-]+)(?:/.*)?")


def web_address(text: str) -> str | None:
    """An http or https address: https added where no scheme stands, host lower-case."""
    if (found := PLAIN_URL.fullmatch(text)) and len(found[2]) <= 253:
        return f"{found[1] or 'https://'}{found[2]}{found[3].rstrip('/')}"
    return parsed_web_address(text)


def parsed_web_address(text: str) -> str | None:
    """What `web_address` promises, for every text there is."""
    value = cleaned(text)
    if value.casefold() in EMPTY_WORDS:
        return None
    if not re.match(r"[a-z][a-z0-9+.-]*:", value, re.IGNORECASE) or re.match(r"[^/:]+:\d", value):
        value = f"https://{value.removeprefix('//')}"
    try:
        parts = urlsplit(value)
        host, port = ascii_domain(parts.hostname or ""), parts.port
    except ValueError as error:
        raise Unusable("url_invalid") from error
    if parts.scheme not in {"http", "https"} or " " in value or parts.username is not None:
        raise Unusable("url_invalid")
    place = host if port in {None, 80, 443} else f"{host}:{port}"
    return parts._replace(netloc=place, path=parts.path.rstrip("/")).geturl()


def linkedin_page(text: str) -> str | None:
    """A page on LinkedIn in one spelling: its national hosts, query and anchor taken away."""
    if len(text) < URL_LIMIT - len("https://") and (found := PLAIN_PAGE.fullmatch(text)):
        path = found[1].rstrip("/")
        if path:
            return f"https://www.linkedin.com{path}"
    return parsed_linkedin_page(text)


def parsed_linkedin_page(text: str) -> str | None:
    """What `linkedin_page` promises, for every text there is."""
    url = parsed_web_address(text)
    if url is None:
        return None
    parts = urlsplit(url)
    host = parts.hostname or ""
    if len(url.encode()) > URL_LIMIT:
        raise Unusable("url_too_long", limit=URL_LIMIT)
    if (host != "linkedin.com" and not host.endswith(".linkedin.com")) or len(parts.path) < 2:
        raise Unusable("linkedin_invalid")
    return f"https://www.linkedin.com{parts.path}"


def page_key(url: str) -> str:
    """What two spellings of one LinkedIn page have in common."""
    return "linkedin:" + url.partition("linkedin.com/")[2].rstrip("/").casefold()


def ascii_domain(host: str) -> str:
    """The domain in lower-case ASCII (IDNA 2008 for others); ValueError when it is none."""
    try:
        name = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(str(error)) from error
    name = name.rstrip(".").lower()
    if len(name) > 253 or not DOMAIN.fullmatch(name):
        raise ValueError(f"“{host}” is no domain name.")
    return name


def domain_of(url: str) -> str:
    """The domain a web address stands for: its host without www."""
    if found := PLAIN_HOST.fullmatch(url):
        return found[1]
    return (urlsplit(url).hostname or "").removeprefix("www.")
