"""What happened: pixels, opens, daily statistics."""

from django.apps import AppConfig


class TrackingConfig(AppConfig):
    name = "tracking"
    verbose_name = "Statistics"
