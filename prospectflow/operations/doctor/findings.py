"""What was found of one thing."""

from typing import NamedTuple


class Finding(NamedTuple):
    """How a thing stands; `advice` where it needs attention: a sentence that says what to do."""

    name: str
    told: str
    advice: str = ""


def share(used: float, most: float) -> str:
    """How much of it is used, as people read it."""
    return f"{used / most:.0%}" if most else "–"


def ago(seconds: float) -> str:
    """A span of time in its largest fitting unit: 40 s, 12 min, 5 h, 3 d."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def size(count: float) -> str:
    """So many bytes as people read them, in powers of ten."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1_000:
            return f"{count:.0f} {unit}"
        count /= 1_000
    return f"{count:.1f} TB"
