"""A worker's way to PostgreSQL: past any pooler, in sessions that end when it does."""

from django.conf import settings
from django.db import OperationalError, connection
from procrastinate import PsycopgConnector
from procrastinate.contrib.django.utils import connector_params

from prospectflow.errors import DomainError

# Whatever a job began ends with its process within seconds, and within two minutes of its machine;
# until then nobody takes the job over.
SESSION = {
    "application_name": "worker",
    "client_connection_check_interval": "5s",
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "15",
    "tcp_keepalives_count": "4",
    "statement_timeout": "15min",  # sets of a million rows take longer than a page may
}


class PoolerBetween(DomainError):
    """A pooler stands before PostgreSQL, and a worker must go past it: set WORKER_DATABASE_URL."""


def connect_directly() -> None:
    """Have every connection of this process lead to WORKER_DATABASE_URL.

    Raises PoolerBetween when that is a pooler, which hands sessions to others.
    """
    connection.close()
    options = " ".join(f"-c {name}={value}" for name, value in SESSION.items())
    told = {**settings.WORKER_DATABASE.get("OPTIONS", {}), "options": options}
    connection.settings_dict.update(settings.WORKER_DATABASE | {"OPTIONS": told})
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW client_connection_check_interval")
            if cursor.fetchone() != ("5s",):
                raise PoolerBetween(PoolerBetween.__doc__)
    except OperationalError as error:
        if "unsupported startup parameter" in str(error):
            raise PoolerBetween(PoolerBetween.__doc__) from error
        raise


def connector() -> PsycopgConnector:
    """What the queue itself speaks to PostgreSQL by, beside the jobs' own connections."""
    return PsycopgConnector(kwargs=connector_params("default"), min_size=1, max_size=4)
