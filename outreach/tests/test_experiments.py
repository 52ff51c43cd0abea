"""Experiments: who gets which variant, and that it never changes."""

from random import Random
from uuid import UUID

import pytest

from outreach.models import StepExperiment, Variant, VariantAssignment
from outreach.services.drafting import compose
from outreach.services.experiments import (
    ExperimentNotReady,
    choose,
    start_experiment,
    stop_experiment,
    variant_for,
)
from outreach.tests.making import make_due, make_open_campaign
from prospectflow.choices import IllegalMove
from prospectflow.testing.factories import NOON, make_company, make_position, make_step

pytestmark = pytest.mark.usefixtures("inside")
EXPERIMENT = UUID("00000000-0000-7000-8000-000000000001")


def make_experiment(step=None, status="running", **weights):
    experiment = StepExperiment.objects.create(
        pk=EXPERIMENT,
        workflow_step=step or make_step(make_open_campaign()),
        name="Which subject?",
        status=status,
    )
    for key, weight in (weights or {"a": 50, "b": 50}).items():
        Variant.objects.create(
            step_experiment=experiment, key=key, weight=weight, subject_template=f"Sujet {key}"
        )
    return experiment


def company_ids(count):
    random = Random(17)
    return [UUID(int=random.getrandbits(128), version=4) for _ in range(count)]


def keys(experiment, ids):
    return {each: choose(experiment, each).key for each in ids}


def test_the_choice_depends_neither_on_the_order_nor_on_who_came_before():
    experiment, ids = make_experiment(), company_ids(40)
    forward = keys(experiment, ids)

    assert keys(experiment, reversed(ids)) == forward
    assert all(choose(experiment, each).key == key for each, key in forward.items())


def test_the_choice_does_not_depend_on_the_order_the_variants_were_made_in():
    experiment = make_experiment(b=70, a=30)
    first = keys(experiment, company_ids(40))
    Variant.objects.all().delete()
    for key, weight in (("a", 30), ("b", 70)):
        Variant.objects.create(step_experiment=experiment, key=key, weight=weight)

    assert keys(experiment, company_ids(40)) == first


def test_another_experiment_chooses_anew(inside):
    one = make_experiment()
    other = StepExperiment(pk=UUID("00000000-0000-7000-8000-000000000002"))
    other.workflow_step = make_step(make_open_campaign())
    other.name = "Another"
    other.save()
    for key in "ab":
        Variant.objects.create(step_experiment=other, key=key, weight=50)
    ids = company_ids(60)

    agreeing = sum(choose(one, each).key == choose(other, each).key for each in ids)

    assert 10 < agreeing < 50


@pytest.mark.parametrize(
    "weights", [{"a": 50, "b": 50}, {"a": 1, "b": 3}, {"a": 20, "b": 30, "c": 50}]
)
def test_the_variants_are_given_in_proportion_to_their_weights(weights):
    experiment, ids = make_experiment(**weights), company_ids(600)
    given = list(keys(experiment, ids).values())

    for key, weight in weights.items():
        share = weight / sum(weights.values())
        within = 4 * (share * (1 - share) / len(ids)) ** 0.5
        assert abs(given.count(key) / len(ids) - share) < within


def test_one_company_never_sees_two_variants():
    campaign = make_open_campaign()
    make_experiment(make_step(campaign))
    company = make_company()

    given = {
        variant_for(make_due(campaign, position=make_position(company=company)), at=NOON)
        for _ in range(6)
    }

    assert len(given) == 1


def test_the_assignment_is_stored_once_and_outlives_a_change_of_weights():
    campaign = make_open_campaign()
    experiment = make_experiment(make_step(campaign), a=1, b=1_000_000)
    task = make_due(campaign)
    first = variant_for(task, at=NOON)
    experiment.variants.filter(key="a").update(weight=1_000_000_000)
    experiment.variants.filter(key="b").update(weight=1)

    assert choose(experiment, task.enrollment.position.company_id).key == "a"
    assert variant_for(task, at=NOON) == first
    assert first.key == "b"
    assert VariantAssignment.objects.count() == 1


def test_a_stopped_experiment_keeps_what_it_gave_and_gives_no_more():
    campaign = make_open_campaign()
    experiment = make_experiment(make_step(campaign))
    before, after = make_due(campaign), make_due(campaign)
    given = variant_for(before, at=NOON)

    stop_experiment(experiment)

    assert variant_for(before, at=NOON) == given
    assert variant_for(after, at=NOON) is None


def test_a_stopped_experiment_never_runs_again():
    experiment = make_experiment(status="stopped")

    with pytest.raises(IllegalMove):
        start_experiment(experiment)


def test_an_experiment_starts_only_with_two_texts_to_compare():
    experiment = make_experiment(status="draft", a=1)

    with pytest.raises(ExperimentNotReady):
        start_experiment(experiment)

    Variant.objects.create(step_experiment=experiment, key="b")
    assert start_experiment(experiment).status == "running"


def test_an_experiment_that_has_not_begun_gives_nothing():
    campaign = make_open_campaign()
    make_experiment(make_step(campaign), status="draft")

    assert variant_for(make_due(campaign), at=NOON) is None


def test_an_experiment_that_lost_its_variants_leaves_the_text_to_the_step():
    campaign = make_open_campaign()
    experiment = make_experiment(make_step(campaign))
    experiment.variants.all().delete()

    assert variant_for(make_due(campaign), at=NOON) is None


def test_the_draft_is_written_from_the_variant_that_was_given():
    campaign = make_open_campaign()
    make_experiment(make_step(campaign, body_template="Le corps de l’étape."))
    task = make_due(campaign)

    draft = compose(task, at=NOON)

    assert draft.variant == VariantAssignment.objects.get(enrollment=task.enrollment).variant
    assert draft.subject == f"Sujet {draft.variant.key}"
    assert draft.body_text == "Le corps de l’étape."


def test_a_variant_says_only_what_differs_from_its_step():
    campaign = make_open_campaign()
    experiment = make_experiment(make_step(campaign, subject_template="Sujet de l’étape"))
    experiment.variants.update(subject_template=None, body_template="Un autre corps.")

    draft = compose(make_due(campaign), at=NOON)

    assert (draft.subject, draft.body_text) == ("Sujet de l’étape", "Un autre corps.")
