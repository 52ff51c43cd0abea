"""Coarse work that outlives a request: declared once, deferred in a transaction, run by a worker.

Below every app, so that each may defer. The functions stand in the `tasks.py` of their app.
"""

from .clearing import forget_workers
from .declaring import NotAnId, Stopping, task
from .deferring import NotInATransaction, UnknownTask, defer, defer_missing, hasten, is_under_way

__all__ = [
    "NotAnId",
    "NotInATransaction",
    "Stopping",
    "UnknownTask",
    "defer",
    "defer_missing",
    "forget_workers",
    "hasten",
    "is_under_way",
    "task",
]
