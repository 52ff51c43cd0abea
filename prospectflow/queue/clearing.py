"""After a restore: the queue of the copy, in which nobody works."""

from collections.abc import Iterable

from django.db import connection

FORGET_JOBS = """
DELETE FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND queue_name = ANY(%s)
"""
LEFT = """
SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')
"""


def forget_workers(made_anew: Iterable[str]) -> int:
    """Forget every worker, and the jobs of queues that are made anew; how many jobs are left.

    Those begin again with the first worker.
    """
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_workers")
        cursor.execute(FORGET_JOBS, [list(made_anew)])
        cursor.execute(LEFT)
        left: int = cursor.fetchone()[0]
    return left
