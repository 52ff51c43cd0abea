"""The Django app of operations: its commands."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """What an operator does to an installation."""

    name = "prospectflow.operations"
    label = "operations"
