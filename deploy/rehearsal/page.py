"""The commands that a page of the documents tells people to type."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from .composition import ROOT

OPERATIONS = ROOT / "docs" / "operations.md"
BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def sections(page: Path = OPERATIONS) -> dict[str, list[str]]:
    """The heading of each section that has commands, and these in their order."""
    parts = re.split(r"^## ", page.read_text(), flags=re.MULTILINE)[1:]
    found = {part.partition("\n")[0]: list(_commands(part)) for part in parts}
    return {heading: commands for heading, commands in found.items() if commands}


def _commands(text: str) -> Iterator[str]:
    for block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            bare = re.sub(r"(^|\s)#\s.*", "", line).strip()
            if bare:
                yield bare


def words(command: str) -> list[str]:
    """The words of a command, as a shell reads them."""
    return shlex.split(command)
