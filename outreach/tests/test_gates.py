"""The quality gates: silent on a good mail, and each able to speak."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.gates import problems

SUBJECT = "Vos vidéos d’atelier, une idée simple"
BODY = """Bonjour Zoé,

En parcourant votre site, j'ai remarqué que vos trois derniers produits n'ont que des photos, alors
que vos concurrents directs montrent déjà les leurs en mouvement. C'est dommage, car le geste de vos
artisans est ce que vos clients ne peuvent pas deviner sur une image.

Je filme des ateliers comme le vôtre depuis six ans, avec une équipe de deux personnes et sans gêner
la production. Une demi-journée suffit pour quatre séquences courtes, prêtes pour votre boutique.

Seriez-vous libre pour un appel jeudi ou vendredi matin ?

Bien à vous,
Paul"""
ENGLISH = """Hello Zoe,

While reading your site I noticed that your three latest products come with photographs only, while
your closest competitors already show theirs in motion. That is a pity, because the hands of your
craftsmen are what your customers cannot guess from a picture.

I have been filming workshops like yours for six years, with a team of two and without disturbing
production. Half a day is enough for four short sequences, ready for your shop and your fairs.

Could we have a short call on Thursday morning?

Kind regards,
Paul"""


def codes(subject=SUBJECT, body=BODY, **options) -> dict[str, str]:
    found = problems(subject, body, **{"first_step": True} | options)
    return {problem.code: problem.level for problem in found}


def sentence(code, subject=SUBJECT, body=BODY, **options) -> str:
    found = problems(subject, body, **{"first_step": True} | options)
    return next(problem.sentence for problem in found if problem.code == code)


@pytest.mark.parametrize("body", [BODY, ENGLISH, BODY.replace("\n", "\r\n")])
def test_a_good_mail_passes_every_gate(body):
    assert codes(body=body) == {}


@pytest.mark.parametrize("nothing", ["", "  \n"])
def test_an_empty_subject_or_body_is_an_error_and_nothing_more(nothing):
    assert codes(subject=nothing) == {"empty_subject": "error"}
    assert codes(body=nothing) == {"empty_body": "error"}


@pytest.mark.parametrize(
    "prefix", ["Re: ", "RE : ", "Tr: ", "Fwd: ", "FW:", "Rép : ", "re\u00a0: "]
)
def test_a_first_mail_that_pretends_to_be_an_answer_is_an_error(prefix):
    assert codes(subject=prefix + SUBJECT)["fake_reply"] == "error"


def test_a_follow_up_may_answer_its_thread_and_is_measured_without_the_prefix():
    assert codes(subject="Re: " + SUBJECT.ljust(60, "e"), first_step=False) == {}


def test_a_subject_that_merely_begins_with_these_letters_is_fine():
    assert codes(subject="Réponse à vos clients : une idée simple") == {}


@pytest.mark.parametrize(
    "placeholder",
    ["{{ first_name }}", "{% if x %}", "[PRENOM]", "[PRÉNOM DU CLIENT]", "[nd]", "[Prénom]".lower(),
     "XXX", "xxxx", "<NOM>", "%FIRSTNAME%", "TODO", "Lorem ipsum"],
)  # fmt: skip
def test_a_placeholder_is_an_error_in_subject_and_body_alike(placeholder):
    assert codes(subject=f"{SUBJECT[:30]} {placeholder}")["placeholder"] == "error"
    assert codes(body=BODY.replace("Zoé", placeholder))["placeholder"] == "error"


@pytest.mark.parametrize("harmless", ["[1]", "taille XXL", "50 % de plus", "<3", "(voir [ici])"])
def test_what_only_resembles_a_placeholder_is_none(harmless):
    assert "placeholder" not in codes(body=f"{BODY} {harmless}")


@pytest.mark.parametrize(
    "greeting", ["Bonjour ,", "Bonjour  ,", "Bonjour\u00a0,", "Chère ,", "Hello None,", "Dear null"]
)
def test_a_greeting_of_nobody_is_an_error(greeting):
    assert codes(body=BODY.replace("Bonjour Zoé,", greeting))["broken_greeting"] == "error"


@pytest.mark.parametrize("greeting", ["Bonjour,", "Bonjour !", "Bonjour Nonette,", "Chère Zoé,"])
def test_a_sound_greeting_passes(greeting):
    assert codes(body=BODY.replace("Bonjour Zoé,", greeting)) == {}


@pytest.mark.parametrize(("length", "warned"), [(29, True), (30, False), (60, False), (61, True)])
def test_a_subject_reads_best_between_30_and_60_characters(length, warned):
    assert ("subject_length" in codes(subject="é" * length)) == warned


@pytest.mark.parametrize(("words", "warned"), [(74, True), (75, False), (150, False), (151, True)])
def test_a_body_reads_best_between_75_and_150_words(words, warned):
    body = "mot " * (words - 1) + "— ! répondez"

    assert ("body_length" in codes(body=body)) == warned


@pytest.mark.parametrize(
    "word", ["Cliquez ici", "GARANTI", "Félicitations", "act now", "n’attendez plus"]
)
def test_spam_words_are_named(word):
    assert codes(body=f"{BODY} {word}.")["spam_words"] == "warning"
    assert "Spam filters dislike" in sentence("spam_words", body=f"{BODY} {word}.")


def test_a_spam_word_inside_another_word_is_none():
    assert "spam_words" not in codes(body=f"{BODY} Notre promontoire, urgentiste.")


@pytest.mark.parametrize("shout", ["OFFRE VALABLE AUJOURD'HUI SEULEMENT", "Bravo !!", "€€€"])
def test_shouting_is_a_warning(shout):
    assert codes(body=f"{BODY} {shout}")["shouting"] == "warning"


def test_a_mail_that_asks_for_nothing_is_told():
    body = BODY.replace("Seriez-vous libre pour un appel jeudi ou vendredi matin ?", "Voilà donc.")

    assert "ask for nothing;" in sentence("call_to_action", body=body)


def test_a_mail_that_asks_for_two_things_is_told():
    body = f"{BODY}\nTéléchargez notre brochure."

    assert "ask for 2 different things;" in sentence("call_to_action", body=body)


def test_without_any_usual_request_a_single_question_is_the_call():
    asked = "Est-ce un sujet pour vous cette année ?"
    body = BODY.replace("Seriez-vous libre pour un appel jeudi ou vendredi matin ?", asked)

    assert codes(body=body) == {}
    assert "call_to_action" in codes(body=f"{body}\n{asked}")


def test_a_value_that_was_left_out_is_named():
    assert sentence("missing_value", missing=["hook"]).startswith('"hook" is not known')


def test_errors_come_before_warnings():
    found = problems("Re: x", "{{ a }} garanti", first_step=True, missing=["a"])
    levels = [problem.level for problem in found]

    assert levels == sorted(levels, key=["error", "warning"].index)
    assert set(levels) == {"error", "warning"}


@given(st.text(max_size=80), st.text(max_size=400), st.booleans())
def test_any_text_is_judged_without_a_crash_each_code_once(subject, body, first_step):
    found = problems(subject, body, first_step=first_step)

    assert len({problem.code for problem in found}) == len(found)
    assert all("{found}" not in problem.sentence for problem in found)
