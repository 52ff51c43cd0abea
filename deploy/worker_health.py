"""Exit 0 when the worker on this machine has spoken to PostgreSQL within the last minute."""

import os
import sys

import psycopg

SPOKE = """
SELECT EXISTS (
    SELECT FROM pg_stat_activity
    WHERE application_name = 'worker' AND client_addr = inet_client_addr()
        AND state_change > now() - interval '1 minute'
)
"""

with psycopg.connect(os.environ["WORKER_DATABASE_URL"], connect_timeout=5) as connection:
    spoke = connection.execute(SPOKE).fetchone() == (True,)
sys.exit(0 if spoke else "No worker of this machine has spoken to PostgreSQL for a minute.")
