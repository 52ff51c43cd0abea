"""Statistics that a replica may be late with, and how a program asks for them."""

import json
from datetime import date

from prospectflow.tenancy.context import tenant
from tracking.models import DailyStats

TOTALS = "/api/v1/statistics/totals/"


def count(step, sent):
    campaign, day = step.campaign, date(2026, 11, sent)
    DailyStats.objects.create(campaign=campaign, workflow_step=step, day=day, sent=sent)


def stand_still(standby, step):
    """The replica has one mail, and knows nothing of two more."""
    standby.catch_up()
    standby.run("SELECT pg_wal_replay_pause()")
    with tenant(step.organisation_id):
        count(step, 2)


def sent(client):
    answer = client.get(TOTALS)
    assert answer.status_code == 200, answer.content
    return answer.json()["totals"]["sent"]


def exported(client, path):
    answer = client.get(f"{path}export/", {"format": "ndjson"})
    assert answer.status_code == 200, answer.content
    return [json.loads(line) for line in b"".join(answer).splitlines()]
