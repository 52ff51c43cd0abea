"""One example of each body that is sent and of each that answers, by its name in the document.

A test holds each to its own schema, and that no operation that writes is without.
"""

from typing import Any

from prospectflow.api.examples.answers import ANSWERS
from prospectflow.api.examples.requests import REQUESTS

__all__ = ["ANSWERS", "REQUESTS", "add_examples"]


def add_examples(document: dict[str, Any]) -> None:
    """Show the examples beside the bodies that they are examples of."""
    for methods in document["paths"].values():
        for operation in methods.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for content in (each for body in bodies for each in body.get("content", {}).values()):
                name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
                if example := (REQUESTS | ANSWERS).get(name):
                    content["examples"] = {"example": {"value": example}}
