"""What: campaigns and their steps, drafts and their approval, tasks, mailboxes, messages."""

from django.apps import AppConfig


class OutreachConfig(AppConfig):
    name = "outreach"
    verbose_name = "Outreach"
