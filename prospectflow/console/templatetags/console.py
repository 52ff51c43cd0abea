"""How the console's templates show a share, and what stands in the trail."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from iam import trail

register = template.Library()


@register.filter
def per_cent(share: float | None) -> SafeString | str:
    """A share beside its number; nothing where there is no whole."""
    return (
        "" if share is None else format_html('<span class="pf-subtle">{} %</span>', f"{share:.1f}")
    )


register.filter("who", trail.who)
register.filter("changes", trail.changes_of)
