"""Every address there is, as Django resolves them."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from django.urls import get_resolver

API = "api/v1/"
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Route(NamedTuple):
    """An address with its variables, the name of it, and what answers there."""

    path: str
    name: str
    view: Callable[..., Any]

    @property
    def methods(self) -> frozenset[str]:
        """What a view of the API answers; what it says itself, which the table must repeat."""
        kind = getattr(self.view, "cls", None) or getattr(self.view, "view_class", None)
        offered = getattr(self.view, "actions", None) or vars(kind) | dict.fromkeys(dir(kind))
        named = {method.upper() for method in offered if method in kind.http_method_names}
        return METHODS & named - {"OPTIONS"}  # which every view has, and none answers


def routes(patterns: Any = None, prefix: str = "") -> Iterator[Route]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + str(pattern.pattern).removeprefix("^")
        if hasattr(pattern, "url_patterns"):
            yield from routes(pattern.url_patterns, path)
        else:
            yield Route(path, pattern.name or "", pattern.callback)


API_ROUTES = {
    route.path.removeprefix(API): route for route in routes() if route.path.startswith(API)
}
ELSEWHERE = "api/"  # answers whatever no other route below it does
CONSOLE_ROUTES = [
    route for route in routes() if not route.path.startswith(API) and route.path != ELSEWHERE
]
