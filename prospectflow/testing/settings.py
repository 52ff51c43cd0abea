"""The project's settings, for processes that tests start: they know the tests' tasks as well."""

from prospectflow.settings import *  # noqa: F403

PROCRASTINATE_IMPORT_PATHS = ["prospectflow.tasks", "prospectflow.testing.tasks"]
