"""The statements, from the models, in the order in which a coordinator takes them."""

from collections.abc import Iterator

from prospectflow.operations.validation.catalogue import place

from .elsewhere import EVERY_SHARD
from .preparing import preparations
from .tables import distributed, reference

# Triggers of ours touch rows of their own organisation alone, which lie on the same node; and a
# transaction that spreads tables with foreign keys does so one after the other.
SETTINGS = {"citus.enable_unsafe_triggers": "on", "citus.multi_shard_modify_mode": "'sequential'"}
HEADER = """\
-- From one PostgreSQL to a Citus cluster: run as a superuser on the coordinator, once its nodes are
-- added and while nothing else is connected. docs/scaling.md says what comes before and after.
\\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS citus;
ALTER ROLE prospectflow_app SET citus.propagate_set_commands = 'local';
BEGIN;"""


def statements() -> Iterator[str]:
    """The whole plan as psql reads it, a part at a time."""
    spread = distributed()
    yield HEADER
    yield "\n".join(f"SET LOCAL {name} = {value};" for name, value in SETTINGS.items())
    yield "-- Keys that Citus would refuse, said otherwise."
    yield from (f"{statement};" for statement in preparations(spread))
    yield "-- Whole on every node: who there is, asked before any organisation is known."
    yield "\n".join(f"SELECT create_reference_table('{place(model)}');" for model in reference())
    yield "-- By organisation, and each organisation's rows of all tables on the same node."
    yield "\n".join(_spread(place(model), place(spread[0])) for model in spread)
    yield "COMMIT;"
    yield "-- What asks every shard, because it begins before any organisation is known:"
    yield "\n".join(f"--   {name}: {reason}" for name, reason in EVERY_SHARD.items())


def _spread(table: str, first: str) -> str:
    beside = "" if table == first else f", colocate_with => '{first}'"
    return f"SELECT create_distributed_table('{table}', 'organisation_id'{beside});"
