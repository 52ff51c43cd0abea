"""The operator console as a Django application, and the admin that it replaces."""

from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AppConfig):
    name = "prospectflow.console"
    label = "console"


class ConsoleAdminConfig(AdminConfig):
    """Django's admin, with the console as its site."""

    default_site = "prospectflow.console.site.ConsoleSite"

    def ready(self) -> None:
        super().ready()
        from django.contrib.admin import site

        # The queue's own pages would show every organisation's jobs.
        for model in apps.get_app_config("procrastinate").get_models():
            if site.is_registered(model):
                site.unregister(model)
