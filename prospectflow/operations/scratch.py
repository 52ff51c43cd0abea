"""A database to try things on: made empty, deleted afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

from prospectflow.environment import database_from
from prospectflow.operations import embedded


@contextmanager
def scratch_database() -> Iterator[None]:
    """Point the default connection at an empty database, as the owner, and delete it afterwards."""
    name = f"scratch_prospectflow_{os.getpid()}"
    url = embedded.database_url(settings.LOCAL_DIRECTORY, role="owner", database=name)
    before = dict(connection.settings_dict)
    connection.close()
    embedded.create_database(settings.LOCAL_DIRECTORY, name)
    connection.settings_dict.update(database_from(url) | {"ENGINE": before["ENGINE"]})
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)
        embedded.drop_database(settings.LOCAL_DIRECTORY, name)
