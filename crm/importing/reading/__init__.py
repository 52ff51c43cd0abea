"""Files of prospects: CSV, workbooks and JSON, packed or not, read batch by batch."""

from crm.importing.reading.limits import DEFAULT, Limits
from crm.importing.reading.rows import Batch
from crm.importing.reading.sources import Source, open_source

__all__ = ["DEFAULT", "Batch", "Limits", "Source", "open_source"]
