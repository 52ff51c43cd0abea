"""Why a whole file is refused; each message says what is wrong and what to do."""

from prospectflow.errors import DomainError


class FileRefused(DomainError):
    """This file cannot be imported; nothing of it was stored."""


class FileUnreadable(FileRefused):
    """There is no such file, or it may not be read."""


class ReaderKilled(FileRefused):
    """A process that read the file was ended, perhaps for want of memory; import it again."""


class NotCsv(FileRefused):
    """The file is no table that can be read; save it as CSV (UTF-8) and try again."""


class NoRows(FileRefused):
    """The file holds no prospects; it needs a header line and at least one row."""


class BrokenQuotes(FileRefused):
    """The quotes in the file do not match; export it again."""


class BrokenJson(FileRefused):
    """The file is not the JSON it seems to be; write one object on each line."""


class DuplicateHeaders(FileRefused):
    """Two columns have the same name; rename or remove one of them."""


class SheetMissing(FileRefused):
    """The workbook has no such sheet; choose one of those it has."""


class FileDamaged(FileRefused):
    """The archive or workbook is damaged or cut short; make it or transfer it again."""


class FileLocked(FileRefused):
    """The file is protected by a password; save it without one."""


class SeveralFiles(FileRefused):
    """The archive holds several files; pack each on its own."""


class NestedArchive(FileRefused):
    """The archive holds another archive; unpack it and send the file itself."""


class BeyondLimits(FileRefused):
    """The file is larger than what is taken in; split it."""


class LineTooLong(BeyondLimits):
    """One line is longer than any row can be; check the line breaks and quotes."""


class CellTooLong(BeyondLimits):
    """One cell is longer than any cell can be; check the quotes around it."""


class TooManyColumns(BeyondLimits):
    """The file has more columns than are taken in; remove those without prospects' facts."""


class TooManyRows(BeyondLimits):
    """The file has more rows than are taken in; split it."""


class UnpackedTooLarge(BeyondLimits):
    """The file is larger than what is taken in once it is unpacked; split it."""


class WorkbookTooLarge(BeyondLimits):
    """The workbook needs more memory than it may have; save the sheet as CSV (UTF-8)."""


class DocumentTooLarge(BeyondLimits):
    """One JSON document must be read whole and is too large; write one object on each line."""


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
