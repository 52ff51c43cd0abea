"""The operator console as a Django application, and the admin that it replaces."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AppConfig):
    name = "prospectflow.console"
    label = "console"


class ConsoleAdminConfig(AdminConfig):
    """Django's admin, with the console as its site."""

    default_site = "prospectflow.console.site.ConsoleSite"
