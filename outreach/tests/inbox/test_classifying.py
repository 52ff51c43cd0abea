"""What an incoming message is, in French and English."""

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.inbox.classifying import MessageKind, classify
from outreach.inbox.dates import return_date
from outreach.inbox.matching import references
from outreach.inbox.replies import fold
from outreach.mail.body import Source, footer
from outreach.tests.inbox.corpus import (
    FOOTER,
    OUR_MAIL,
    THEIRS,
    arf,
    dsn,
    failed,
    mail,
    parse,
    quoted,
)

NOW = datetime(2026, 10, 26, 9, tzinfo=UTC)  # a Monday
AUTO = {"Auto_Submitted": "auto-replied"}

OUT_OF_OFFICE = [
    ("Réponse automatique : Une idée", "Je suis absent jusqu'au 6 novembre.", AUTO, (11, 6)),
    ("Réponse automatique\u00a0: Une idée", "De retour le lundi 9 novembre 2026.", {}, (11, 9)),
    ("Absence du bureau", "En déplacement du 26 au 30 octobre.", {}, (10, 30)),
    ("Automatic reply: An idea", "I am out of the office until November 5th.", AUTO, (11, 5)),
    ("Automatic reply: An idea", "I'm away, back on 12 November 2026.", AUTO, (11, 12)),
    ("Re: Une idée", "Je serai de retour le 02/11/2026.", AUTO, (11, 2)),
    ("Re: Une idée", "Je suis en congé du 26/10 au 02/11 inclus.", AUTO, (11, 3)),
    ("Re: Une idée", "Absente du bureau, de retour lundi.", AUTO, (11, 2)),
    ("Re: Une idée", "Je répondrai à votre message dès mon retour.", AUTO, None),
    ("Re: Une idée", "Nous sommes fermés jusqu’au 1er novembre.", {"X_Autoreply": ""}, (11, 1)),
    ("Congés", "Je suis en congés jusqu'au 3 novembre.", {}, (11, 3)),
    ("Fermeture annuelle", "L'entreprise est fermée du 24 décembre au 2 janvier.", {}, (1, 2)),
    ("Re: Une idée", "En arrêt jusqu'au 4 nov.", {"X_Auto_Response_Suppress": "All"}, (11, 4)),
    ("Out of office", "Je suis en formation. Votre message ne sera pas transféré.", {}, None),
    ("Re: x", "En mon absence, contactez paul@exemple.fr", {"Precedence": "auto_reply"}, None),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "text", "headers", "returns"), OUT_OF_OFFICE)
def test_an_absence_is_heard_with_its_day_of_return(subject, text, headers, returns):
    verdict = classify(mail(text, subject=subject, **headers), at=NOW)

    assert verdict.kind == "out_of_office", verdict.evidence
    expected = returns and date(2027 if returns[0] == 1 else 2026, *returns)
    assert verdict.returns_on == expected


AUTOMATIC = [
    ("left_company", "Jean Durand a quitté l'entreprise. Contactez paul@societe-exemple.fr."),
    ("left_company", "Bonjour, je ne fais plus partie des effectifs. Je suis absent."),
    ("left_company", "Mme Petit ne travaille plus chez nous."),
    ("left_company", "M. Roux a fait valoir ses droits à la retraite."),
    ("left_company", "John is no longer with the company."),
    ("address_changed", "Cette adresse n'est plus consultée."),
    ("address_changed", "Voici ma nouvelle adresse e-mail : j@nouvelle-exemple.fr"),
    ("address_changed", "This email address is no longer in use."),
    ("acknowledgement", "Votre demande a bien été enregistrée. Ticket n° 4512."),
    ("acknowledgement", "Ceci est un message automatique, merci de ne pas répondre."),
    ("acknowledgement", "Thank you for contacting us."),
    ("challenge", "Veuillez vous authentifier : vous n'êtes pas un robot."),
    ("out_of_office", "Votre message a bien été reçu. Je suis absent jusqu'à lundi."),
    ("auto_other", "Découvrez nos offres d'automne."),
    ("auto_other", "Pour vous désinscrire, écrivez STOP."),
    ("auto_other", ""),
]


@pytest.mark.parametrize(("kind", "text"), AUTOMATIC)
def test_an_automatic_answer_is_told_by_what_it_says(kind, text):
    assert classify(mail(text, **AUTO), at=NOW).kind == kind


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-generated"},
        {"X_Autoreply": "yes"},
        {"X_Autorespond": ""},
        {"Precedence": "bulk"},
        {"List_Id": "<news.exemple.fr>"},
        {"Return_Path": "<>"},
        {"subject": "[Auto] Une idée"},
    ],
)
def test_each_mark_of_a_machine_keeps_its_mail_from_counting_as_a_reply(headers):
    assert classify(mail("Oui, jeudi me va.", **headers), at=NOW).kind == "auto_other"


def test_auto_submitted_no_is_a_person():
    assert classify(mail("Oui.", Auto_Submitted="no"), at=NOW).kind == "reply"


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("Pour délivrer votre message, cliquez.", {"From": "no-reply@mailinblack.com"}),
        ("Cliquez pour débloquer votre message.", {}),
        ("Cliquez ici.", {"subject": "Demande d'authentification"}),
    ],
)
def test_a_sender_check_is_heard_without_any_mark(text, headers):
    assert classify(mail(text, **headers), at=NOW).kind == "challenge"


REPLIES = [
    "Oui, jeudi à 10 h.",
    "Pas intéressé, merci.",
    "Je suis en congés jusqu'au 15, reparlons-en ensuite.",
    "Je n'ai pas d'opposition, on en parle ?",
    "Nous cherchons une solution non-stop pour nos équipes, pouvez-vous m'appeler ?",
    "Cela permettrait de nous enlever une épine du pied.",
    "Merci de m'envoyer votre plaquette.",
    "Je ne travaille plus le vendredi, plutôt jeudi.",
    "Notre nouvelle adresse est 12 rue de Rome à Marseille, passez nous voir.",
]


@pytest.mark.parametrize("text", REPLIES)
def test_what_a_person_writes_is_a_reply(text):
    verdict = classify(mail(f"{text}\n\nEnvoyé de mon iPhone"), at=NOW)

    assert verdict.kind == "reply", verdict.evidence


CLEAR = [
    "STOP",
    "stop.",
    "Stop svp",
    "Désinscription",
    "Merci de me désinscrire de votre liste.",
    "Désabonnez-moi",
    "Bonjour, retirez-moi de vos fichiers, cordialement.",
    "Supprimez mes coordonnées de votre base, je ne vous connais pas et je n'ai rien demandé.",
    "Ne me contactez plus.",
    "Nous ne souhaitons plus recevoir vos messages.",
    "Je ne souhaite pas être sollicité par ce moyen, ni par téléphone ni par courrier.",
    "Je m'oppose à l'utilisation de mes données à des fins de prospection commerciale, article 21.",
    "Arrêtez de m'envoyer des mails !",
    "Stop aux mails",
    "unsubscribe",
    "Please remove me from your list.",
    "Take me off your list",
    "Do not contact me again.",
]


@pytest.mark.parametrize("text", CLEAR)
def test_a_clear_objection_is_heard(text):
    verdict = classify(mail(f"{text}\n\n{quoted(OUR_MAIL)}"), at=NOW)

    assert (verdict.kind, verdict.doubtful) == ("objection", False), verdict


DOUBTFUL = [
    "Nous sommes un cabinet spécialisé en RGPD.",
    "Nous ne souhaitons plus changer de prestataire.",
    "Avez-vous pensé à la CNIL avant d'écrire ?",
    "Peut-on mettre un stop à ce projet dans votre planning et reprendre la discussion plus tard ?",
]


@pytest.mark.parametrize("text", DOUBTFUL)
def test_a_doubtful_objection_waits_for_a_person(text):
    verdict = classify(mail(text), at=NOW)

    assert (verdict.kind, verdict.doubtful) == ("objection", True), verdict


def test_asking_where_an_address_came_from_is_an_access_request():
    verdict = classify(mail("D’où tenez-vous mon adresse ?"), at=NOW)

    assert (verdict.kind, verdict.access_request) == ("objection", True)


def test_an_access_request_and_a_clear_objection_can_stand_together():
    verdict = classify(mail("D'où tenez-vous mon adresse ? Retirez-moi."), at=NOW)

    assert (verdict.access_request, verdict.doubtful) == (True, False)


@pytest.mark.parametrize("back", [quoted(FOOTER), FOOTER.split("\n\n", 1)[1], OUR_MAIL])
def test_our_own_footer_quoted_back_is_no_objection(back):
    text = f"Oui, jeudi.\n\nLe 5 oct. 2026 à 09:12, Camille <c@a.fr> a écrit :\n{back}"

    assert classify(mail(text), at=NOW).kind == "reply"
    assert classify(mail(f"Oui, jeudi.\n\n{quoted(FOOTER)}"), at=NOW).kind == "reply"


@pytest.mark.parametrize(
    "subject", ["unsubscribe", "Désinscription", "unsubscribe k3Jd8sL0aQ2wE5rT7yU9iO"]
)
def test_a_mail_to_the_unsubscribe_address_is_an_objection_even_when_empty(subject):
    verdict = classify(mail("", subject=subject, Auto_Submitted="auto-generated"), at=NOW)

    assert (verdict.kind, verdict.doubtful) == ("objection", False)


AGENCY = SimpleNamespace(
    legal_name="Agence Exemple", legal_form="SAS", siren="732829320", legal_address="Marseille"
)
SOURCE = Source("l'annuaire des entreprises", date(2026, 9, 1))


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("where", ["bare", "quoted", "html", "html alone"])
def test_the_footer_that_we_really_send_is_no_objection_when_it_comes_back(language, where):
    text, html = footer(AGENCY, SOURCE, "https://agence-exemple.fr/u/k3Jd8sL0aQ2wE5rT", language)
    bare = text.removeprefix("-- \n")
    message = {
        "bare": mail(f"Oui, jeudi.\n\n{bare}"),
        "quoted": mail(f"Oui, jeudi.\n\n{quoted(text)}"),
        "html": mail("", html=f"<p>Oui, jeudi.</p>{html}"),
        "html alone": parse(f"From: a@b.fr\nContent-Type: text/html\n\nOui.{html}".encode()),
    }[where]

    verdict = classify(message, at=NOW)

    assert verdict.kind == "reply", verdict.evidence


def test_a_colleague_who_says_that_the_person_left_is_heard():
    verdict = classify(mail("Jean a quitté la société, écrivez à paul@societe-exemple.fr"), at=NOW)

    assert (verdict.kind, verdict.mentions) == ("left_company", ("paul@societe-exemple.fr",))


def test_reports_are_told_by_their_structure_before_anything_else():
    bounce = classify(dsn(failed(THEIRS, "5.1.1", "550 5.1.1 unknown")), at=NOW)
    delay = classify(dsn(failed(THEIRS, "4.4.1", "421", Action="delayed")), at=NOW)
    success = classify(dsn(failed(THEIRS, "2.0.0", "250", Action="delivered")), at=NOW)

    assert (bounce.kind, bounce.bounce.kind) == ("bounce", "hard")
    assert (delay.kind, delay.bounce.kind) == ("auto_other", "delayed")
    assert (success.kind, success.bounce) == ("auto_other", None)
    assert classify(arf("abuse"), at=NOW).kind == "complaint"
    assert classify(arf("not-spam"), at=NOW).kind == "auto_other"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jusqu'au 20 octobre", None),  # a stale answer, not a year of absence
        ("de retour le 31 février", None),
        ("de retour le 5 janvier", date(2027, 1, 5)),
        ("du 26 octobre au 3 novembre, de retour le 4", date(2026, 11, 3)),
        ("absent du 3 au 12 novembre", date(2026, 11, 12)),
        ("absent jusqu'au vendredi 30 octobre inclus", date(2026, 10, 31)),
        ("from October 26 to November 3", date(2026, 11, 3)),
        ("returning on 2026-11-12", date(2026, 11, 12)),
        ("back in the office on Wednesday", date(2026, 10, 28)),
        ("de retour au bureau lundi", date(2026, 11, 2)),
        ("joignable à partir du 09.11.26", date(2026, 11, 9)),
        ("until 11/25/2026", date(2026, 11, 25)),
        ("notre salon se tient le 4 novembre", None),
        ("je serai absent à partir du 4 novembre", None),
    ],
)
def test_the_day_of_return_is_read_as_people_write_it(text, expected):
    assert return_date(fold(text), at=NOW.date()) == expected


WORDS = st.sampled_from(
    [b"From: ", b"Content-Type: ", b"multipart/report; boundary=b", b"message/rfc822", b"\n\n",
     b"--b\n", b"--b--", b"Subject: ", b"=?utf-8?q?=FF?=", b"message/delivery-status", b"<", b">",
     b"text/html; charset=", b"Final-Recipient: rfc822;", b"\n", b"\xff\xfe", b"\x00", b"a@b",
     b"Content-Transfer-Encoding: base64", b"To: ", b"Return-Path: <>", b"MAILER-DAEMON@x"]
)  # fmt: skip


@given(st.one_of(st.binary(max_size=400), st.lists(st.one_of(WORDS, st.binary(max_size=8)))))
def test_garbage_is_classified_and_never_raises(garbage):
    message = parse(garbage if isinstance(garbage, bytes) else b"".join(garbage))

    verdict = classify(message, at=NOW)

    assert verdict.kind in MessageKind
    f"{verdict}{references(message)}".encode()  # storable: no half characters


def test_parts_nested_beyond_reason_are_read_without_falling_over():
    head = "".join(f'Content-Type: multipart/mixed; boundary="{n}"\n\n--{n}\n' for n in range(200))

    assert classify(parse(f"From: a@b.fr\n{head}\nSTOP".encode()), at=NOW).kind in MessageKind
