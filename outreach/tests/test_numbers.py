"""What a campaign brought: a little story, counted by people and not by mails."""

import pytest

from outreach.models import Campaign, Message
from outreach.numbers import Numbers
from outreach.services.receiving import receive
from outreach.tests.conversing import LATER, answer, make_sent, make_two_steps
from outreach.tests.making import MORNING
from prospectflow.testing.factories import make_campaign, make_enrollment

pytestmark = pytest.mark.usefixtures("inside")
NOTHING_WROTE = {"Auto-Submitted": "auto-replied"}


def numbers_of(campaign) -> Numbers:
    return Campaign.objects.with_numbers().get(pk=campaign.pk).numbers


def hear(sent, text, **headers):
    return receive(sent.mailbox, answer(sent, text, **headers), now=LATER)


def test_a_campaign_that_wrote_to_nobody_brought_nothing():
    campaign = make_campaign()
    make_enrollment(campaign=campaign)

    assert numbers_of(campaign) == Numbers(enrolled=1)
    assert numbers_of(campaign).response_rate == 0


def test_who_answers_twice_is_one_and_a_machine_is_none():
    campaign = make_two_steps()
    eager, away, silent = (make_sent(campaign, at=MORNING) for _ in range(3))
    make_enrollment(campaign=campaign)
    hear(eager, "Oui, appelez-moi demain, votre idée m'intéresse beaucoup.")
    hear(eager, "J'oubliais : plutôt après dix heures, merci.")
    hear(away, "Je suis absente.", subject="Réponse automatique", **NOTHING_WROTE)

    found = numbers_of(campaign)

    assert found == Numbers(enrolled=4, sent=3, reached=3, replied=1)
    assert found.response_rate == 33.33


def test_an_answer_to_a_mail_whose_sending_ended_in_doubt_still_counts_once():
    sent = make_sent()
    hear(sent, "Oui, appelez-moi demain, votre idée m'intéresse beaucoup.")
    Message.objects.filter(pk=sent.pk).update(sent_at=None)

    found = numbers_of(sent.enrollment.campaign)

    assert found == Numbers(enrolled=1, sent=0, reached=1, replied=1)
    assert found.response_rate == 100


def test_another_campaigns_mails_are_its_own():
    ours = make_sent()
    theirs = make_sent(make_two_steps(ours.mailbox))
    hear(theirs, "Oui, appelez-moi demain, votre idée m'intéresse beaucoup.")

    assert numbers_of(ours.enrollment.campaign) == Numbers(enrolled=1, sent=1, reached=1)
