"""Why a whole file is refused; each message says what is wrong and what to do."""

from prospectflow.errors import DomainError


class FileRefused(DomainError):
    """This file cannot be imported; nothing of it was stored."""


class FileUnreadable(FileRefused):
    """There is no such file, or it may not be read."""


class NotCsv(FileRefused):
    """The file is not CSV text; save it as CSV (UTF-8) and try again."""


class NoRows(FileRefused):
    """The file holds no prospects; it needs a header line and at least one row."""


class LineTooLong(FileRefused):
    """One line is longer than any row can be; check the line breaks and quotes."""


class BrokenQuotes(FileRefused):
    """The quotes in the file do not match; export it again."""


class DuplicateHeaders(FileRefused):
    """Two columns have the same name; rename or remove one of them."""


class ColumnsCollide(FileRefused):
    """Two columns mean the same field; remove one of them."""


class ColumnMissing(FileRefused):
    """A required column is missing; add it or choose another profile."""


class UnknownProfile(FileRefused):
    """There is no such import profile."""


class UnknownTarget(FileRefused):
    """A column cannot become that: there is no such field."""


class UnknownColumn(FileRefused):
    """The file has no such column."""
