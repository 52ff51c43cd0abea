"""The tenancy room as a Django application."""

from django.apps import AppConfig


class TenancyConfig(AppConfig):
    name = "prospectflow.tenancy"
    label = "tenancy"

    def ready(self) -> None:
        from prospectflow.tenancy import checks  # noqa: F401  (registers the system checks)
