"""What holds for the sending of every organisation alike."""

from django.db import models
from django.db.models import Q

from prospectflow.tenancy.models import Timestamped


class Platform(Timestamped):
    """The one row that every sender reads before a mail: whether anything may leave at all.

    `database_mark` names the database that an operator confirmed last. A copy that was restored
    from a backup carries the mark of another, and sends nothing until it is confirmed itself.
    """

    id = models.SmallIntegerField(primary_key=True, default=1, db_default=1, editable=False)
    sending_stopped_at = models.DateTimeField(null=True, blank=True)
    sending_stopped_reason = models.TextField(blank=True, default="", db_default="")
    database_mark = models.TextField(blank=True, default="", db_default="", editable=False)
    epoch = models.IntegerField(default=1, db_default=1, editable=False)
    confirmed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "platform"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="platform_one_row")]

    def __str__(self) -> str:
        return f"epoch {self.epoch}"
