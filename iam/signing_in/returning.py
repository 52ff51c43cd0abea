"""Where a person goes after signing in: a path of this server, and never anywhere else."""

from urllib.parse import urlsplit

from django.utils.http import url_has_allowed_host_and_scheme

LONGEST = 2000


def safe_path(wanted: str | None) -> str:
    """The path that was asked for; empty for anything that could lead to another host."""
    if not wanted or not wanted.startswith("/") or len(wanted) > LONGEST:
        return ""
    if not wanted.isprintable() or not url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return ""
    parts = urlsplit(wanted)
    return "" if parts.scheme or parts.netloc else wanted
