"""What a person wrote, apart from what their mail program added."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.inbox.replies import fold, new_text, text_of_html
from outreach.tests.inbox.corpus import FOOTER, OUR_MAIL, mail, parse, quoted

NBSP, NARROW = "\u00a0", "\u202f"
ANSWER = "Bonjour Camille,\n\nOui, jeudi à 10 h."

GMAIL = "Le lun. 5 oct. 2026 à 09:12, Camille Martin"
PHONE = "Envoyé de mon iPhone"
OUTLOOK = (
    f"De{NBSP}: Camille Martin <camille@agence-exemple.fr>\n"
    f"Envoyé{NBSP}: lundi 5 octobre 2026 09:12\n"
    f"À{NBSP}: Jean Durand\nObjet{NBSP}: Une idée\n\n{OUR_MAIL}"
)
QUOTES = {
    "gmail": f"{GMAIL} <c@agence.fr> a écrit :\n\n{quoted(OUR_MAIL)}",
    "gmail, narrow space": f"{GMAIL} <c@agence.fr> a écrit{NARROW}:\n\n{OUR_MAIL}",
    "gmail, wrapped": f"{GMAIL}\r\n<c@agence.fr> a écrit{NBSP}:\n\n{OUR_MAIL}",
    "wrapped twice": f"Le lun. 5 oct. 2026,\nCamille Martin <\nc@agence.fr> a écrit :\n{OUR_MAIL}",
    "english": f"On Mon, Oct 5, 2026 at 9:12 AM Camille Martin <c@agence.fr>\nwrote:\n\n{OUR_MAIL}",
    "outlook": OUTLOOK,
    "outlook with a rule": f"{'_' * 32}\n{OUTLOOK}",
    "outlook, bold": OUTLOOK.replace(f"De{NBSP}:", f"*De{NBSP}:*").replace("Objet", "*Objet"),
    "outlook, english": f"From: Camille\nSent: Monday\nTo: Jean\nSubject: Une idée\n\n{OUR_MAIL}",
    "original message": f"-----Message d'origine-----\n{OUTLOOK}",
    "forward": f"---------- Forwarded message ---------\n{OUR_MAIL}",
    "phone": f"{PHONE}\n\n> {GMAIL} a écrit :\n{quoted(OUR_MAIL)}",
    "samsung": f"Envoyé depuis mon Galaxy\n\n------ Message d'origine ------\n{OUR_MAIL}",
    "outlook phone": f"Obtenir Outlook pour iOS<https://aka.ms/o0ukef>\n{'_' * 32}\n{OUTLOOK}",
    "signature": "-- \nJean Durand\nDirecteur",
    "footer without a mark": FOOTER.split("\n\n", 1)[1],
    "address wrote": f"camille@agence-exemple.fr a écrit :\n{OUR_MAIL}",
}


@pytest.mark.parametrize("quote", QUOTES.values(), ids=QUOTES.keys())
def test_what_was_quoted_vanishes_and_the_answer_stays(quote):
    assert new_text(mail(f"{ANSWER}\n\n{quote}")) == ANSWER


@pytest.mark.parametrize("quote", QUOTES.values(), ids=QUOTES.keys())
def test_windows_line_ends_change_nothing(quote):
    assert new_text(mail(f"{ANSWER}\n\n{quote}".replace("\n", "\r\n"))) == ANSWER


def test_answers_between_quoted_lines_are_kept():
    text = "> Avez-vous dix minutes ?\nOui.\n> Jeudi ?\nPlutôt vendredi."

    assert new_text(mail(text)) == "Oui.\nPlutôt vendredi."


def test_a_sentence_that_begins_with_le_is_not_an_attribution():
    text = "Le mieux est de m'appeler.\nLe directeur a écrit une note : la voici."

    assert new_text(mail(text)) == text


def test_a_sentence_that_begins_with_de_is_not_a_quoted_header():
    text = "De : quoi parle-t-on ?\nJe ne vois pas."

    assert new_text(mail(text)) == text


def test_a_link_written_by_a_person_is_not_our_footer():
    text = "Voici notre site https://societe-exemple.fr, parlons-en."

    assert new_text(mail(text)) == text


HTML = {
    "gmail": '<div dir="ltr">Oui, jeudi.</div><div class="gmail_quote"><div>Le 5 oct. a écrit'
    "</div><blockquote>STOP</blockquote></div>",
    "outlook": '<p>Oui, jeudi.</p><div id="divRplyFwdMsg"><b>De :</b> C</div><div>STOP</div>',
    "thunderbird": '<p>Oui, jeudi.</p><div class="moz-cite-prefix">Le 5 octobre</div>'
    '<blockquote type="cite"><blockquote>STOP</blockquote>STOP</blockquote>',
    "styles": "<style>p{}</style><script>STOP</script><!-- STOP --><p>Oui,&nbsp;jeudi.</p>",
}


@pytest.mark.parametrize("html", HTML.values(), ids=HTML.keys())
def test_an_answer_in_html_alone_is_read_without_what_it_quotes(html):
    message = parse(f"From: a@b.fr\nContent-Type: text/html; charset=utf-8\n\n{html}".encode())

    assert new_text(message) == "Oui, jeudi."


def test_html_is_read_when_the_plain_part_says_nothing():
    assert new_text(mail(" \n", html="<p>Oui&nbsp;!</p>")) == "Oui !"


def test_an_attached_text_is_not_what_the_person_wrote():
    message = mail("Voir ci-joint.")
    message.add_attachment("STOP", filename="notes.txt")

    assert new_text(message) == "Voir ci-joint."


@pytest.mark.parametrize("charset", ["latin-1", "x-unknown", "utf-8", "us-ascii"])
def test_a_wrong_charset_loses_no_letters(charset):
    head = f"From: a@b.fr\nContent-Type: text/plain; charset={charset}\n\n".encode()

    assert new_text(parse(head + "déjà vu".encode("cp1252"))) == "déjà vu"


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("DÉSINSCRIPTION", "desinscription"),
        (f"De{NBSP}:", "de :"),
        ("n’existe", "n'existe"),
        ("Cœur", "coeur"),
        ("1ᵉʳ mars", "1er mars"),
        ("a\u200bb", "ab"),
    ],
)
def test_folding_makes_texts_comparable(text, folded):
    assert fold(text) == folded


@given(st.text(alphabet="<>/!-a= \"'&#;bqdivp"))
def test_html_of_any_shape_can_be_read(html):
    assert "\x00" not in text_of_html(html)
