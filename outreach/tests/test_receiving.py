"""An answer is matched, understood and obeyed; what proves nothing changes nothing."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from outreach.inbox.fetching import Fetched
from outreach.models import Enrollment, Mailbox, Message, Suppression
from outreach.services.receiving import receive
from outreach.services.suppressing import suppression_of
from outreach.states import MailboxStatus, MessageKind, MessageStatus, SuppressionReason
from outreach.tests.conversing import (
    LATER,
    answer,
    fetched,
    make_sent,
    make_two_steps,
    open_tasks,
    state_of,
)
from outreach.tests.inbox.corpus import FOOTER, arf, dsn, failed, mail, parse, quoted
from prospectflow.testing.factories import make_company, make_mailbox

pytestmark = pytest.mark.usefixtures("inside")

AWAY = "Je suis actuellement en congés, de retour le {day}."
UNKNOWN = "550 5.1.1 User unknown"


@pytest.fixture
def campaign(inside):
    return make_two_steps()


@pytest.fixture
def sent(campaign):
    return make_sent(campaign)


def hear(fetched, *, mailbox=None, at=LATER):
    return receive(mailbox or Mailbox.objects.get(), fetched, now=at)


def original(sent):
    return f"Message-ID: {sent.rfc822_message_id}\nTo: {sent.to_address}\n"


def report(sent, *blocks, **fields):
    return fetched(dsn(*blocks, **({"original": original(sent)} | fields)))


def untouched(sent):
    """Nothing was suppressed, and the follow-up is still to be sent."""
    return (
        state_of(sent) == "active"
        and len(open_tasks(sent)) == 1
        and not Suppression.objects.exists()
    )


def test_a_reply_ends_the_enrolment_and_nothing_more_is_sent(sent):
    assert untouched(sent)

    heard = hear(answer(sent, "Avec plaisir, jeudi matin."))

    assert (heard.verdict, state_of(sent), open_tasks(sent)) == (MessageKind.REPLY, "replied", [])
    assert (heard.task_id, heard.enrollment_id) == (sent.task_id, sent.enrollment_id)
    assert heard.body_text == "Avec plaisir, jeudi matin."
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("siren", ["732829320", None])
def test_a_reply_stops_the_whole_company_in_every_campaign_and_nobody_else(campaign, siren):
    company, stranger = make_company(siren=siren), make_company(siren="552100554")
    first, colleague, other = (
        make_sent(campaign, company=each) for each in (company, company, stranger)
    )
    elsewhere = make_sent(make_two_steps(campaign.from_mailbox), company=company)

    hear(answer(first, "Oui."))

    assert [state_of(each) for each in (first, colleague, elsewhere, other)] == [
        "replied",
        "finished",
        "finished",
        "active",
    ]
    assert [len(open_tasks(each)) for each in (colleague, elsewhere, other)] == [0, 0, 1]


def test_somebody_away_is_waited_for_and_loses_no_step(sent):
    away = AWAY.format(day="lundi 14 décembre 2026")

    heard = hear(answer(sent, away, subject="Réponse automatique", Auto_Submitted="auto-replied"))

    (task,) = open_tasks(sent)
    enrollment = Enrollment.objects.get(pk=sent.enrollment_id)
    assert heard.verdict == MessageKind.OUT_OF_OFFICE
    assert enrollment.state == "active"
    assert enrollment.paused_until == task.scheduled_for
    assert task.scheduled_for.date() == date(2026, 12, 15)


def test_a_step_due_after_the_return_keeps_its_hour(sent):
    (before,) = open_tasks(sent)

    hear(answer(sent, AWAY.format(day="25/11/2026"), Auto_Submitted="auto-replied"))

    assert [each.scheduled_for for each in open_tasks(sent)] == [before.scheduled_for]


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("Je suis absente.", date(2026, 12, 2)),  # a week, and a working day
        (AWAY.format(day="30 juin 2027"), date(2027, 1, 25)),  # sixty days at most
    ],
)
def test_an_absence_is_a_week_when_nothing_is_said_and_sixty_days_at_most(sent, text, back):
    hear(answer(sent, text, Auto_Submitted="auto-replied"))

    enrollment = Enrollment.objects.get(pk=sent.enrollment_id)
    assert enrollment.paused_until.date() == back


def test_a_hard_bounce_suppresses_the_address(sent):
    heard = hear(report(sent, failed(sent.to_address, "5.1.1", UNKNOWN)))

    assert (heard.verdict, state_of(sent), open_tasks(sent)) == (MessageKind.BOUNCE, "bounced", [])
    assert suppression_of(sent.to_address).reason == SuppressionReason.BOUNCED
    assert Message.objects.get(pk=sent.pk).status == MessageStatus.BOUNCED


@pytest.mark.parametrize(
    "block",
    [
        lambda address: failed(address, "4.2.2", "452 4.2.2 Mailbox full"),
        lambda address: failed(address, "4.4.1", "421 4.4.1 Busy", Action="delayed"),
        lambda address: failed(address, "2.0.0", "250 Ok", Action="delivered"),
    ],
)
def test_a_soft_bounce_a_delay_and_a_success_stop_nothing(sent, block):
    hear(report(sent, block(sent.to_address)))

    assert untouched(sent)
    assert Message.objects.get(pk=sent.pk).status == MessageStatus.SENT


def test_a_bounce_about_an_address_we_did_not_write_to_does_nothing(sent):
    hear(report(sent, failed("somebody@else.example.com", "5.1.1", UNKNOWN)))

    assert untouched(sent)


def test_a_bounce_of_a_mail_that_is_not_ours_does_nothing(sent):
    forged = f"Message-ID: <forged@spam.example.com>\nTo: {sent.to_address}\n"

    heard = hear(report(sent, failed(sent.to_address, "5.1.1", UNKNOWN), original=forged))

    assert (heard.verdict, heard.enrollment_id) == (MessageKind.BOUNCE, None)
    assert untouched(sent)


def test_a_bounce_that_quotes_no_mail_is_matched_by_the_address_it_names(sent):
    hear(report(sent, failed(sent.to_address, "5.1.1", UNKNOWN), original="X-Nothing: 1\n"))

    assert state_of(sent) == "bounced"


def test_of_a_bounce_with_several_recipients_ours_decides(sent):
    others = failed("other@else.example.com", "5.1.1", UNKNOWN)
    ours = failed(sent.to_address, "4.2.2", "452 4.2.2 Mailbox full")

    hear(report(sent, others, ours))

    assert untouched(sent)


def test_a_block_pauses_the_mailbox_and_suppresses_nobody(sent):
    refusal = "550 5.7.1 Message rejected as spam by content filtering"

    hear(report(sent, failed(sent.to_address, "5.7.1", refusal)))

    assert Mailbox.objects.get().status == MailboxStatus.PAUSED
    assert untouched(sent)


def test_a_complaint_suppresses_the_recipient_and_stops_the_company(campaign):
    company = make_company()
    sent, colleague = make_sent(campaign, company=company), make_sent(campaign, company=company)

    hear(fetched(arf("abuse", original=original(sent) + "\nBonjour\n")))

    assert suppression_of(sent.to_address).reason == SuppressionReason.COMPLAINT
    assert (state_of(sent), state_of(colleague)) == ("unsubscribed", "finished")
    assert suppression_of("fbl@fournisseur-exemple.fr") is None


def test_a_report_that_the_mail_was_welcome_does_nothing(sent):
    hear(fetched(arf("not-spam", original=original(sent) + "\nBonjour\n")))

    assert untouched(sent)


def test_a_clear_objection_suppresses_for_good_and_stops_the_company(campaign):
    company = make_company()
    sent, colleague = make_sent(campaign, company=company), make_sent(campaign, company=company)

    hear(answer(sent, "Merci de me désinscrire de votre liste."))

    assert suppression_of(sent.to_address).reason == SuppressionReason.OBJECTION
    assert (state_of(sent), state_of(colleague)) == ("unsubscribed", "finished")
    assert suppression_of(colleague.to_address) is None


def test_an_objection_of_an_assistant_suppresses_both_addresses(sent):
    hear(answer(sent, "Ne nous contactez plus.", From="Assistante <lea@societe-exemple.fr>"))

    assert suppression_of(sent.to_address)
    assert suppression_of("lea@societe-exemple.fr")


def test_a_doubtful_objection_stops_without_suppressing(campaign):
    company = make_company()
    sent, colleague = make_sent(campaign, company=company), make_sent(campaign, company=company)

    heard = hear(answer(sent, "D'où tenez-vous mon adresse ? Je connais bien la CNIL, vous savez."))

    assert heard.verdict == MessageKind.OBJECTION
    assert (state_of(sent), state_of(colleague)) == ("replied", "finished")
    assert not Suppression.objects.exists()


def test_an_objection_counts_after_its_campaign_was_deleted(sent):
    sent.enrollment.campaign.delete()

    hear(answer(sent, "Ne me contactez plus, merci."))

    assert suppression_of(sent.to_address)


def test_a_mail_that_only_says_unsubscribe_counts_from_a_stranger_as_well(sent):
    stranger = mail("", subject="unsubscribe", From="Nobody <nobody@else.example.com>")

    heard = hear(fetched(stranger))

    assert heard.verdict == MessageKind.OBJECTION
    assert suppression_of("nobody@else.example.com")


@pytest.mark.parametrize("back", [quoted, str])
def test_our_own_footer_quoted_back_is_no_objection(sent, back):
    ours = f"Le 24/11/2026, Camille a écrit :\n{back(sent.body_text)}\n{back(FOOTER)}"

    heard = hear(answer(sent, f"Oui, jeudi.\n\n{ours}"))

    assert (heard.verdict, state_of(sent)) == (MessageKind.REPLY, "replied")
    assert not Suppression.objects.exists()


def test_somebody_who_left_is_written_to_no_more_and_the_colleagues_are(campaign):
    company = make_company()
    sent, colleague = make_sent(campaign, company=company), make_sent(campaign, company=company)

    hear(answer(sent, "Jean a quitté la société.", Auto_Submitted="auto-replied"))

    assert suppression_of(sent.to_address).reason == SuppressionReason.LEFT_COMPANY
    assert (state_of(sent), open_tasks(sent)) == ("finished", [])
    assert state_of(colleague) == "active"


@pytest.mark.parametrize(
    "text", ["Votre message a bien été reçu, ticket n° 4.", "Ceci est un message automatique."]
)
def test_a_machine_that_says_nothing_stops_nothing(sent, text):
    hear(answer(sent, text, Auto_Submitted="auto-generated"))

    assert untouched(sent)


@pytest.mark.parametrize("identifier", [None, "", f"<{'x' * 5000}@societe-exemple.fr>"])
def test_the_same_mail_is_taken_in_once_whatever_its_message_id(sent, identifier):
    first = answer(sent, "Oui.")
    first = fetched(first.message, identifier=identifier)

    assert hear(first) is not None
    assert hear(first) is None
    assert Message.objects.inbox().count() == 1


def test_two_mails_without_message_id_are_two(sent):
    hear(fetched(answer(sent, "Oui.").message, identifier=""))
    hear(fetched(answer(sent, "Non.").message, identifier=""))

    assert Message.objects.inbox().count() == 2


def test_a_mail_from_one_of_our_own_mailboxes_is_not_kept(sent):
    make_mailbox(address="sofia@acme.example.com")

    heard = receive(
        sent.mailbox, answer(sent, "Je relance Jean.", From="sofia@acme.example.com"), now=LATER
    )

    assert heard is None
    assert untouched(sent)


def test_a_known_sender_is_matched_without_any_reference(sent):
    heard = hear(answer(sent, "Oui.", **{"In-Reply-To": ""}))

    assert (heard.task_id, state_of(sent)) == (sent.task_id, "replied")


def test_a_known_sender_is_matched_for_ninety_days_only(sent):
    late = LATER + timedelta(days=91)

    heard = hear(answer(sent, "Oui.", **{"In-Reply-To": ""}), at=late)

    assert heard.task_id is None
    assert untouched(sent)


def test_our_tag_alone_is_enough(sent):
    tagged = f"X-ProspectFlow-Message: {sent.pk}\nMessage-ID: <replaced@mx.example.com>\n"

    hear(report(sent, failed(sent.to_address, "5.1.1", UNKNOWN), original=tagged))

    assert state_of(sent) == "bounced"


def test_a_mail_that_matches_nothing_is_kept_and_shown(sent):
    heard = hear(fetched(mail("Bonjour, un devis ?", From="Ada <ada@else.example.com>")))

    assert list(Message.objects.inbox()) == [heard]
    assert (heard.enrollment_id, heard.from_address) == (None, "ada@else.example.com")
    assert untouched(sent)


def test_a_mail_that_cannot_be_parsed_is_kept_once_as_it_came(sent):
    broken = Fetched("INBOX", 1, 7, LATER, 4, b"\x00\xff\r\n", None, problem="It has no headers.")

    heard = hear(broken)

    assert hear(broken) is None
    assert (bytes(heard.raw), heard.evidence) == (b"\x00\xff\r\n", "It has no headers.")


def test_an_answer_of_which_only_the_headers_came_says_so_beside_what_it_is(sent):
    found = answer(sent, "", subject="Absence du bureau", **{"Auto-Submitted": "auto-replied"})
    problem = "The server gives the headers only (Cannot convert it.)."

    heard = hear(replace(found, truncated=True, problem=problem))

    assert heard.verdict == MessageKind.AUTO_OTHER
    assert heard.evidence.endswith(problem)
    assert len(heard.evidence) > len(problem)


@pytest.mark.parametrize("name", ["Subject", "From", "Message-ID", "In-Reply-To", "References"])
def test_a_hostile_header_does_not_stop_the_reading(sent, name):
    raw = answer(sent, "Oui.").raw
    hostile = f"{name}: <=?utf-8?b?AEEA?=\x00\xff{'é' * 3000}@x>\r\n".encode("utf-8", "replace")
    message = parse(hostile + raw)

    assert hear(Fetched("INBOX", 1, 8, LATER, len(raw), hostile + raw, message)) is not None
