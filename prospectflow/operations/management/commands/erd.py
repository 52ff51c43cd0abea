"""Write docs/data-model.md, or see whether it is current."""

from prospectflow.operations import data_model
from prospectflow.operations.documents import DocumentCommand


class Command(DocumentCommand):
    """Draw the tables, their relations and their states."""

    help = "Write docs/data-model.md, a diagram of each schema, from the models."
    document = "data-model.md"

    def text(self) -> str:
        return data_model.document()
