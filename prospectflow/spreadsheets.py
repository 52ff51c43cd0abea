"""Texts that a spreadsheet opens as they are, with cells that it never computes (CWE-1236)."""

MARK = "\ufeff"  # before a CSV text: without it Excel takes UTF-8 for Windows-1252
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def neutralised(cell: str) -> str:
    """The cell made safe for a spreadsheet: what it would take for a formula gets a ' before it."""
    return f"'{cell}" if cell.lstrip().startswith(FORMULA_STARTS) or cell[:1].isspace() else cell


def restored(cell: str) -> str:
    """The cell as it was before it was neutralised, when the file comes back."""
    return cell[1:] if cell.startswith("'") and neutralised(cell[1:]) == cell else cell
