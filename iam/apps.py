"""Who: organisations, users, memberships, audit."""

from django.apps import AppConfig


class IamConfig(AppConfig):
    name = "iam"
    verbose_name = "Organisation and people"
