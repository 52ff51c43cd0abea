"""A running campaign and its first step."""

import pytest

from outreach.tests.making import make_open_campaign
from prospectflow.testing.factories import make_step


@pytest.fixture
def campaign():
    campaign = make_open_campaign()
    make_step(campaign)
    return campaign


@pytest.fixture
def step(campaign):
    return campaign.steps.first()
