"""A segment leaves exactly the positions that its filters describe, whenever it is used."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from outreach.models import Enrollment, Segment
from outreach.services import enrolling, segments
from outreach.services.segments import (
    FILTERS,
    FilterRefused,
    checked,
    enroll_some,
    positions_of,
    size_of,
)
from prospectflow.console.tests.cast import make_message as make_reply
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import (
    NOON,
    make_campaign,
    make_company,
    make_mailbox,
    make_person,
    make_position,
    make_step,
)
from prospectflow.testing.rows import make_message

pytestmark = pytest.mark.django_db


@pytest.fixture
def inside(organisation):
    with tenant(organisation.pk):
        yield organisation


def make_open_campaign():
    """One that takes people in."""
    return make_step(make_campaign(from_mailbox=make_mailbox())).campaign


def make_segment(**filters) -> Segment:
    return Segment.objects.create(name=f"Segment {Segment.objects.count()}", filters=filters)


def left_by(**filters):
    return list(positions_of(make_segment(**filters), NOON))


FACTS = {"naf_code": "56.10A", "department": "13", "headcount_code": "11"}
ADDRESS = {"list_name": "May", "email_status": "valid"}
NARROWING = [
    ({"naf": "56"}, {"naf_code": "47.11A"}, {}),
    ({"naf": "5610"}, {"naf_code": "56.21Z"}, {}),
    ({"departments": ["13", "2A"]}, {"department": "75"}, {}),
    ({"headcounts": ["11", "12"]}, {"headcount_code": "01"}, {}),
    ({"list": "May"}, {}, {"list_name": "May 2"}),
    ({"email_statuses": ["valid", "generic"]}, {}, {"email_status": "unknown"}),
    ({"without": ["role"]}, {}, {"email_is_role": True}),
    ({"without": ["free", "disposable"]}, {}, {"email_is_free": True}),
    ({"without": ["free", "disposable"]}, {}, {"email_is_disposable": True}),
    ({"search": "lovelace"}, {}, {"person": {"last_name": "Byron"}}),
]


@pytest.mark.parametrize(("filters", "company", "position"), NARROWING)
def test_a_filter_keeps_what_it_describes_and_nothing_else(inside, filters, company, position):
    wanted = make_position(company=make_company(**FACTS), **ADDRESS)
    if "person" in position:
        position = position | {"person": make_person(**position["person"])}
    make_position(company=make_company(**(FACTS | company)), **(ADDRESS | position))
    make_position(company=make_company(**(FACTS | company)), **(ADDRESS | position))

    assert left_by(**filters) == [wanted]


def test_every_filter_is_tried_above_or_by_the_last_mail():
    tried = {name for filters, _, _ in NARROWING for name in filters}

    assert FILTERS.keys() - tried == {
        "never_contacted",
        "not_contacted_for_days",
        "contacted_within_days",
    }


def test_filters_hold_together(inside):
    wanted = make_position(company=make_company(**FACTS), **ADDRESS)
    make_position(company=make_company(**FACTS), email_status="valid")
    make_position(company=make_company(**(FACTS | {"department": "75"})), **ADDRESS)

    assert left_by(naf="56", departments=["13"], list="May") == [wanted]


def test_no_filter_leaves_everybody_the_oldest_first(inside):
    everybody = [make_position() for _ in range(3)]

    assert left_by() == everybody


REFUSED = [
    ({"colour": "red"}, "There is no filter “colour”: use some of naf, departments"),
    ({"naf": "abc"}, "The filter “naf”: send a NAF code or its beginning"),
    ({"naf": ""}, "The filter “naf”: send a text"),
    ({"naf": 56}, "The filter “naf”: send a text"),
    ({"departments": ["99"]}, "The filter “departments”: send codes of French departments"),
    ({"departments": []}, "The filter “departments”"),
    ({"departments": [13]}, "The filter “departments”"),
    ({"headcounts": ["7"]}, "The filter “headcounts”: send a list with some of: 00, 01"),
    ({"email_statuses": "valid"}, "The filter “email_statuses”: send a list"),
    ({"email_statuses": [["valid"]]}, "The filter “email_statuses”: send a list"),
    ({"without": ["everybody"]}, "some of: role, free, disposable"),
    ({"never_contacted": False}, "The filter “never_contacted”: send true, or leave it out"),
    ({"contacted_within_days": 0}, "send a whole number of days from 1 to 3650"),
    ({"contacted_within_days": True}, "send a whole number of days from 1 to 3650"),
    ({"not_contacted_for_days": "90"}, "send a whole number of days from 1 to 3650"),
    ({"list": "x" * 256}, "send a text of at most 255 characters"),
    ({"search": "a\0b"}, "send no NUL characters"),
    ([], "A segment's filters are an object"),
    (None, "A segment's filters are an object"),
]


@pytest.mark.parametrize(("filters", "sentence"), REFUSED)
def test_what_cannot_be_a_filter_is_refused_by_its_name(filters, sentence):
    with pytest.raises(FilterRefused) as refusal:
        checked(filters)

    assert sentence in str(refusal.value)
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"never_contacted": True}, {"nobody wrote", "not sent yet", "wrote to us"}),
        ({"contacted_within_days": 5}, {"five days ago"}),
        ({"contacted_within_days": 4}, set()),
        ({"contacted_within_days": 100}, {"five days ago", "long ago", "twice"}),
        (
            {"not_contacted_for_days": 90},
            {"nobody wrote", "not sent yet", "wrote to us", "long ago"},
        ),
        ({"contacted_within_days": 100, "not_contacted_for_days": 90}, {"long ago"}),
    ],
)
def test_a_position_was_contacted_when_the_last_mail_left_to_it(inside, filters, left):
    def wrote(days, **fields):
        return make_message(sent_at=NOON - timedelta(days=days), **fields)

    twice = wrote(99)
    wrote(10, enrollment=twice.enrollment, position=twice.position)
    written = {
        "nobody wrote": make_position(),
        "not sent yet": make_message().position,
        "wrote to us": make_reply().position,
        "five days ago": wrote(5).position,
        "long ago": wrote(95).position,
        "twice": twice.position,
    }

    found = set(left_by(**filters))

    assert {name for name, position in written.items() if position in found} == left


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"naf": " 6201z "}, {"naf": "62.01Z"}),
        ({"departments": "13, 2a;974 13"}, {"departments": ["13", "2A", "974"]}),
        ({"email_statuses": ["valid", "valid"]}, {"email_statuses": ["valid"]}),
        ({"search": " acme  marie "}, {"search": "acme  marie"}),
        ({}, {}),
    ],
)
def test_filters_are_kept_in_one_form_that_reads_as_itself(given, kept):
    assert checked(given) == kept
    assert checked(kept) == kept


def test_a_thousand_are_counted_and_no_more(inside, monkeypatch):
    monkeypatch.setattr(segments, "COUNTED", 2)
    segment = make_segment(list="May")

    said = []
    for _ in range(4):
        said.append(size_of(segment, NOON))
        make_position(list_name="May")

    assert said == ["0 positions", "1 position", "2 positions", "more than 2 positions"]


def test_a_large_segment_is_enrolled_by_bounded_batches_each_position_once(inside, monkeypatch):
    monkeypatch.setattr(enrolling, "AT_ONCE", 2)
    segment, campaign = make_segment(list="May"), make_open_campaign()
    wanted = [make_position(list_name="May").pk for _ in range(5)]
    make_position(list_name="June")

    batches, after = [], None
    while not batches or after:
        batch = enroll_some(campaign, segment, at=NOON, after=after)
        batches.append(batch.intake.enrolled)
        after = batch.last

    assert batches == [2, 2, 1]
    assert set(Enrollment.objects.values_list("position_id", flat=True)) == set(wanted)


def test_a_segment_of_just_one_batch_has_no_other_after_it(inside, monkeypatch):
    monkeypatch.setattr(enrolling, "AT_ONCE", 2)
    campaign = make_open_campaign()
    for _ in range(2):
        make_position()

    whole = enroll_some(campaign, make_segment(), at=NOON)
    nobody = enroll_some(campaign, make_segment(list="x"), at=NOON)

    assert (whole.intake.enrolled, whole.last) == (2, None)
    assert (nobody.intake.enrolled, nobody.last) == (0, None)


def test_reading_a_segment_costs_one_query_however_many_there_are(inside):
    segment = make_segment(naf="56", departments=["13"], never_contacted=True, search="lovelace")

    def cost(more: int) -> int:
        for _ in range(more):
            make_position(company=make_company(**FACTS))
        with CaptureQueriesContext(connection) as queries:
            assert len(positions_of(segment, NOON)) >= more
        return len(queries)

    assert [cost(1), cost(9)] == [1, 1]
