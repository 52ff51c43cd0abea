"""Prompts: a text is never changed, another text is the next version."""

from django.db import transaction
from django.db.models import Max

from outreach.models import Prompt


@transaction.atomic
def write_version(prompt: Prompt) -> Prompt:
    """Keep a new prompt as the next version of its name; two writers at once collide."""
    last = Prompt.objects.filter(name=prompt.name).aggregate(last=Max("version"))["last"]
    prompt.version = (last or 0) + 1
    prompt.save(force_insert=True)
    return prompt
