"""The operator console as a Django application."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "prospectflow.console"
    label = "console"
