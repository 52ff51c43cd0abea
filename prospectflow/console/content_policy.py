"""What the console's pages may load and run, where that is more than any page may."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpResponse
from django.utils.csp import CSP
from django.views.decorators.csp import csp_override

# The theme's scripts (Alpine) evaluate expressions of its own templates, and set widths.
CONSOLE = settings.SECURE_CSP | {
    "script-src": [*settings.SECURE_CSP["script-src"], CSP.UNSAFE_EVAL],
    "style-src-attr": [CSP.UNSAFE_INLINE],
}
# A mail in its sandboxed frame is bound by the page around it, and brings its own styles.
WITH_MAILS = CONSOLE | {"style-src": [CSP.SELF, CSP.UNSAFE_INLINE]}

shows_mails = csp_override(WITH_MAILS)


def of_the_console(response: HttpResponse) -> HttpResponse:
    """The answer under the console's policy, unless its view chose another."""
    if not hasattr(response, "_csp_config"):
        response._csp_config = CONSOLE  # as csp_override does, which would take a choice back
    return response


def in_the_console[V: Callable[..., HttpResponse]](view: V) -> V:
    """Mark a view that is no page of the site's, but looks like one."""
    return csp_override(CONSOLE)(view)  # type: ignore[return-value]
