"""Templates: natural without every value, harmless whatever is written into them."""

import re
from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.templating import TemplateRefused, check, render, unfilled

PERSON = {
    "civility": "Madame",
    "first_name": "Zoé",
    "last_name": "Lefèvre",
    "company_name": "Atelier du Port",
    "city": "Marseille",
    "hook": "votre nouveau catalogue",
    "phone": "04 91 00 00 00",
}
LETTERS = [
    "Bonjour {{ first_name }},\n\nJ'ai vu {{ hook }} ({{ city }}). On en parle ?\n",
    "Bonjour {{ civility }} {{ last_name }},\nComment va {{ company_name }} ?",
    "Bonjour {{ first_name }} !\n\n{{ hook }}\n\nÀ bientôt, {{ first_name }}.",
    "{{ first_name }}, une question pour {{ company_name }}",
    "Une idée pour {{ company_name }} : {{ hook }}",
    "{{ company_name }} – {{ city }} – {{ hook }}",
    "Bonjour{% if first_name %} {{ first_name }}{% endif %},\nDe passage à {{ city }}.",
    "Bonjour {% if first_name %}{{ first_name }}{% endif %},\nmerci, {{ first_name }}, à bientôt",
    "Ici\nTéléphone : {{ phone }}\nVille : {{ city }}\n- {{ hook }}\n- {{ company_name }}\nFin.",
    'Merci {{ first_name | upcase }} « {{ company_name }} », [{{ city }}] "{{ hook }}" et fin',
    "Cher {{ civility }} {{ first_name }} {{ last_name }}, bonjour ; {{ hook }}.",
    "{% capture who %}{{ first_name }} {{ last_name }}{% endcapture %}Bonjour {{ who }},",
    "Vers ({{ city }}, {{ company_name }}), puis {{ city }}/{{ hook }}…",
    "  {{ first_name }} {{ last_name }}\n\n\n{{ phone }}\n\n\nL'équipe d'{{ company_name }}.",
]
SUBSETS = list(chain.from_iterable(combinations(PERSON, size) for size in range(len(PERSON) + 1)))
SCARS = {
    "a greeting of nobody": r"(?i)\b(bonjour|cher|merci)[ \u00a0]+[,.]",
    "a double blank": r"\S[ \t]{2}",
    "a blank before a comma or a full stop": r"[ \t][,.](?!\.)",
    "punctuation at the start of a line": r"(?m)^\s*[,;:.!?)/]",
    "a dangling separator at the end of a line": r"(?m)[:–|/;][ \t]*$",
    "two marks in a row": r"[,;:]\s*[,;:.!?]",
    "empty brackets or quotes": r"\(\s*\)|\[\s*\]|«\s*»|\"\s*\"",
    "a blank after an opening bracket": r"\( ",
    "a mark of the machinery": r"[\ue000-\uf8ff]|None|\{\{|\}\}",
    "a dangling elision": r"\b[ld]['’](\s|[,.]|$)",
    "a hole of empty lines": r"\n{3,}",
    "blanks at the end of a line": r"(?m)[ \t]+$",
}


def scars(text: str) -> list[str]:
    return [name for name, pattern in SCARS.items() if re.search(pattern, text)]


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("nothing", [None, "", " \t\n", "\u200b\x00"])
def test_no_subset_of_missing_values_leaves_a_scar(letter, nothing):
    for missing in SUBSETS:
        text = render(letter, PERSON | dict.fromkeys(missing, nothing))
        assert scars(text) == [], f"{missing}: {text!r}"


PIECES = st.sampled_from(
    ["Bonjour", "merci", " ", " ", " ", ", ", ",", " !", ".", "\n", "\n\n", " (", ")"]
    + [f"{{{{ {name} }}}}" for name in PERSON]
)


@given(st.lists(PIECES, max_size=14).map("".join), st.sets(st.sampled_from(list(PERSON))))
def test_no_letter_at_all_greets_nobody_or_doubles_a_blank(letter, missing):
    text = render(letter, PERSON | dict.fromkeys(missing))

    assert not re.search(r"Bonjour[ \u00a0]+,|\S[ \t]{2}|[ \t],|,[ \t]*,", text)
    assert not re.search("[\ue000-\uf8ff]", text)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Bonjour {{ first_name }},", "Bonjour,"),
        ("Bonjour {{ first_name }} !", "Bonjour !"),
        ("Bonjour {{ civility }} {{ first_name }},", "Bonjour,"),
        ("{{ first_name }}, une question ?", "Une question ?"),
        ("Une question, {{ first_name }} ?", "Une question ?"),
        ("Une idée pour vous : {{ first_name }}", "Une idée pour vous"),
        ("a {{ first_name }} b", "a b"),
        ("A – {{ first_name }} – B", "A – B"),
        ("Voici ({{ first_name }}) la suite", "Voici la suite"),
        ("Fin\nTél : {{ first_name }}\nSigné", "Fin\nSigné"),
        ("Fin\n- {{ first_name }}\n- b", "Fin\n- b"),
        ("Fin\n{{ first_name }}", "Fin"),
        ("{{ first_name }}", ""),
    ],
)
def test_what_surrounds_a_missing_value_goes_with_it(template, text):
    assert render(template, {"first_name": None, "civility": ""}) == text


@pytest.mark.parametrize("letter", LETTERS)
def test_a_complete_letter_keeps_every_value_and_names_no_gap(letter):
    text = render(letter, PERSON)

    for name in re.findall(r"{{ (\w+) }}", letter):
        assert name == "who" or PERSON[name] in text
    assert unfilled(letter, PERSON) == ()


def test_a_fallback_stands_where_a_value_is_missing():
    template = 'Chez {{ company_name | default: "votre entreprise" }}'

    assert render(template, {"company_name": " "}) == "Chez votre entreprise"
    assert unfilled(template, {"company_name": None}) == ()


def test_a_missing_value_is_false_in_a_condition():
    template = "{% if hook %}Bravo pour {{ hook }}.{% else %}Bravo.{% endif %}"

    assert render(template, {"hook": ""}) == "Bravo."


def test_variables_that_print_nothing_are_named_once_each():
    template = "{{ city }} {{ hook | upcase }} {{ city }} {% if phone %}{{ phone }}{% endif %}"

    assert unfilled(template, PERSON | {"city": None, "hook": "", "phone": None}) == (
        "city",
        "hook",
    )


def says(letter: str) -> bool:
    """Whether tidying leaves this letter alone wherever it stands."""
    return letter.isalnum() or letter in "{}%|"


@given(st.text(st.sampled_from("{}%| \"'abforin\x00\n\r\u202e") | st.characters(), max_size=60))
def test_a_value_is_data_whatever_it_says(value):
    text = render("Chez {{ first_name }}", {"first_name": value}).removeprefix("Chez")

    assert [one for one in text if says(one)] == [one for one in value if says(one)]
    assert "\n" not in text
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", text)


@pytest.mark.parametrize("value", ["{{ last_name }}", "{% for i in (1..9) %}x{% endfor %}", "{{"])
def test_template_syntax_in_a_value_is_never_evaluated(value):
    assert render("Bonjour {{ first_name }}", {"first_name": value, "last_name": "X"}) == (
        f"Bonjour {value}"
    )


def test_values_are_not_escaped_in_text():
    assert (
        render("{{ company_name }}", {"company_name": "Fils & Cie <Lyon>"}) == "Fils & Cie <Lyon>"
    )


def test_an_object_is_its_text_and_opens_no_door():
    with pytest.raises(TemplateRefused, match="no variable"):
        render("{{ person.__class__ }}", {"person": object()})


NAMES = ["first_name", "company_name"]


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("Bonjour\n{{ prenom }},", 'Line 2 of the template: there is no variable "prenom"; use one'
                                   " of company_name, first_name."),
        ("{% if prenom %}a{% endif %}", 'there is no variable "prenom"'),
        ("{{ first_name.size.x }}", 'there is no variable "first_name.size"'),
        ("a\n\n{{ first_name | shout }}", 'Line 3 of the template: there is no filter "shout"'),
        ("{{ first_name | replace: 'a', 'aa' }}", 'there is no filter "replace"'),
        ("{{ first name }}", "Line 1 of the template: expected end of expression"),
        ("a\n{{ first_name ", "Line 2 of the template: expected '}}'"),
        ("{% if first_name %}a", "The template breaks off: expected tag endif"),
        ("{{ }}", "expected a primitive expression"),
        ("{% include '/etc/passwd' %}", "unexpected tag 'include'"),
        ("{% render 'x' %}", "unexpected tag 'render'"),
        ("{% liquid echo 1 %}", "unexpected tag 'liquid'"),
        ("{% for i in (1..1000000000) %}x{% endfor %}", "loops more than 200 times"),
        ("{% for i in (1..99) %}{% for j in (1..99) %}x{% endfor %}{% endfor %}", "loops more"),
        ("{% for i in (1..9999999999999999999999) %}x{% endfor %}", "Line|template"),
        ("{{ first_name | append: first_name }}", 'there is no filter "append"'),
        ("{% capture x %}aaaaaaaa{% endcapture %}"
         + "{% capture x %}{{ x }}{{ x }}{% endcapture %}" * 40, "too much text"),
        ("{% if true %}" * 500, "nested too deeply"),
        ("a" * 10_001, "has 10001 characters"),
    ],
)  # fmt: skip
def test_a_template_that_cannot_be_used_is_refused_in_one_sentence(template, sentence):
    with pytest.raises(TemplateRefused, match=sentence) as refusal:
        check(template, NAMES)

    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("letter", LETTERS)
def test_a_good_template_passes_the_check(letter):
    check(letter, PERSON)


def test_a_loop_over_a_list_and_a_local_name_pass_the_check():
    template = "{% assign a = first_name %}{% for item in items %}{{ item }} {{ a }} {% endfor %}"

    check(template, ["first_name", "items"])
    assert render(template, {"first_name": "Z", "items": ["x", "y"]}) == "x Z y Z"


def test_a_list_that_is_too_long_is_refused_when_it_is_written():
    with pytest.raises(TemplateRefused, match="loops more than 200 times"):
        render("{% for i in items %}{{ i }}{% endfor %}", {"items": ["x"] * 201})


def test_a_missing_name_is_told_when_it_is_written():
    with pytest.raises(TemplateRefused, match='Line 1 .* no variable "hook"; use one of city'):
        render("{{ hook }}", {"city": "Lyon"})


@given(st.text(st.sampled_from("{}%|: \"'.abforin(1)\n-[]#"), max_size=80))
def test_whatever_is_typed_as_a_template_renders_or_is_refused(template):
    try:
        check(template, PERSON)
        render(template, PERSON)
    except TemplateRefused as refusal:
        assert str(refusal)  # noqa: PT017 - either way is right, anything else is a crash
