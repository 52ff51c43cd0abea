"""What the API adds to one query: a campaign by bearer token, against a bare Django view.

The bare view asks the same query as the owner of the tables: no token, no role, no policy, no
middleware, no transaction.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from statistics import median
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prospectflow.settings")
django.setup()

from django.db import connection  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.test import override_settings  # noqa: E402
from django.urls import path  # noqa: E402

from outreach.models import Campaign  # noqa: E402
from prospectflow.tenancy.context import tenant  # noqa: E402
from prospectflow.testing import asking  # noqa: E402
from prospectflow.testing.factories import (  # noqa: E402
    make_campaign,
    make_enrollment,
    make_organisation,
    make_user,
)

SHOWN = ["id", "name", "value_prop", "justification", "status", "track_opens"]
SHOWN += ["from_mailbox_id", "created_by_user_id", "created_at", "updated_at", "enrolled", "mails"]


def bare(request: HttpRequest, organisation: UUID, campaign: UUID) -> JsonResponse:
    rows = Campaign.objects.with_numbers().filter(organisation=organisation, pk=campaign)
    return JsonResponse(rows.values(*SHOWN).get())


urlpatterns = [path("bare/<uuid:organisation>/<uuid:campaign>/", bare)]


def a_second(ask: Callable[[], bytes], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        ask()
    return times / (time.perf_counter() - began)


def measure(times: int) -> tuple[float, list[str]]:
    """Our requests a second by the bare view's, and our statements."""
    ada = make_user(cognito_sub="ada")
    organisation = make_organisation(owner=ada)
    with tenant(organisation.pk):
        campaign = make_campaign()
        for _ in range(50):
            make_enrollment(campaign=campaign)
    ours = asking.asking(f"/api/v1/campaigns/{campaign.pk}/", asking.token("ada"))
    asking.serve_as("app")
    trips = asking.round_trips(ours)
    ratios = []
    for _ in range(7):
        asking.serve_as("app")
        speed = a_second(ours, times)
        asking.serve_as("owner")
        with override_settings(MIDDLEWARE=[], ROOT_URLCONF=__name__):
            connection.settings_dict["ATOMIC_REQUESTS"] = False
            theirs = asking.asking(f"/bare/{organisation.pk}/{campaign.pk}/")
            ratios.append(speed / a_second(theirs, times))
            connection.settings_dict["ATOMIC_REQUESTS"] = True
    return median(ratios), trips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    times = 20 if parser.parse_args().quick else 600
    with asking.api():
        ratio, trips = measure(times)
    for figure, value, goal, met in (
        ("campaign by token: requests a second by a bare view's", ratio, ">= 0.5", ratio >= 0.5),
        # BEGIN, the admission, the campaign with its numbers and its mailboxes, COMMIT.
        ("campaign by token: round trips to PostgreSQL", len(trips), "<= 4", len(trips) <= 4),
    ):
        print(json.dumps({"figure": figure, "value": round(value, 2), "goal": goal, "met": met}))  # noqa: T201


if __name__ == "__main__":
    main()
