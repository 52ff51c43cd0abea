"""Cells that a spreadsheet shows and never computes (CWE-1236)."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def neutralised(cell: str) -> str:
    """The cell made safe for a spreadsheet: what it would take for a formula gets a ' before it."""
    return f"'{cell}" if cell.lstrip().startswith(FORMULA_STARTS) or cell[:1].isspace() else cell
