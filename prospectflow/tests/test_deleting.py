"""What goes with a deleted row, what stays without it, and that nothing else is touched."""

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from crm.models import Consent, MailDomain
from iam.models import (
    AuditEvent,
    Membership,
    OperatorEntry,
    Organisation,
    Receipt,
    ServiceAccount,
    User,
)
from outreach.models import (
    AddressCheck,
    CampaignMailbox,
    Forecast,
    ImportFilePart,
    ImportMapping,
    ImportProblem,
    ImportUpload,
    Prompt,
    Segment,
    StepExperiment,
    Suppression,
    WebhookDelivery,
)
from prospectflow.tenancy.checks import tenant_models
from prospectflow.tenancy.context import tenant
from prospectflow.testing import factories
from prospectflow.testing.rows import (
    make_approved_draft,
    make_assignment,
    make_endpoint,
    make_message,
    make_phone,
    make_row,
    make_variant,
)
from tracking.models import DailyStats, OpenStats, Pixel

OF_POSITION = {
    "position", "enrollment", "assignment", "task", "draft", "message", "pixel", "opens",
}  # fmt: skip
OF_STEP = {"step", "experiment", "variant", "assignment", "task", "draft", "daily"}
# What is deleted → the rows that go with it, the columns that lose their reference.
RULES = {
    "prompt": (set(), {"variant.prompt", "draft.prompt"}),
    "variant": ({"assignment", "daily"}, {"draft.variant", "message.variant"}),
    "experiment": (
        {"variant", "assignment", "daily"},
        {"draft.variant", "message.variant", "message.step_experiment"},
    ),
    "step": (
        OF_STEP,
        {"message.task", "message.draft", "message.variant", "message.step_experiment"},
    ),
    "campaign": (
        OF_STEP | {"enrollment", "share", "forecast"},
        {
            "message.enrollment",
            "message.task",
            "message.draft",
            "message.variant",
            "message.step_experiment",
            "upload.campaign",
        },
    ),
    "enrollment": (
        {"assignment", "task", "draft"},
        {"message.enrollment", "message.task", "message.draft"},
    ),
    "task": ({"draft"}, {"message.task", "message.draft"}),
    "draft": (set(), {"message.draft"}),
    "message": ({"pixel", "opens"}, set()),
    "position": (OF_POSITION, set()),
    "person": (OF_POSITION | {"phone", "consent"}, set()),
    "company": (OF_POSITION, set()),
    "mailbox": (
        {"share"},
        {"campaign.from_mailbox", "enrollment.mailbox", "task.mailbox", "message.mailbox"},
    ),
    "upload": ({"part", "problem"}, set()),
    "program": (set(), {"audit.service_account"}),
    "endpoint": ({"delivery"}, set()),
    "user": (
        {"membership", "visit"},
        {
            "campaign.created_by_user",
            "draft.approved_by",
            "upload.uploaded_by",
            "upload.contacted_allowed_by",
            "check.asked_by",
            "audit.user",
        },
    ),
}
# What PostgreSQL keeps of a row that goes, in the rows that stay.
KEPT_TRUE = {"draft": {"task.is_approved": False}}


def make_chain():
    """One mail's whole life: every row that a mail, its person and its campaign can hang on."""
    rows = {"user": factories.make_user(), "mailbox": factories.make_mailbox()}
    rows |= {"program": make_row(ServiceAccount), "endpoint": make_endpoint()}
    rows |= {"prompt": make_row(Prompt), "position": factories.make_position()}
    rows |= {"person": rows["position"].person, "company": rows["position"].company}
    rows["campaign"] = factories.make_campaign(
        from_mailbox=rows["mailbox"], created_by_user=rows["user"]
    )
    rows["share"] = make_row(CampaignMailbox, **pick(rows, "campaign", "mailbox"))
    rows["forecast"] = make_row(Forecast, campaign=rows["campaign"])
    rows["step"] = factories.make_step(rows["campaign"])
    rows["experiment"] = make_row(StepExperiment, workflow_step=rows["step"])
    rows["variant"] = make_variant(step_experiment=rows["experiment"], prompt=rows["prompt"])
    rows["enrollment"] = factories.make_enrollment(**pick(rows, "campaign", "position"))
    rows["assignment"] = make_assignment(**pick(rows, "variant", "enrollment"))
    rows["task"] = factories.make_task(enrollment=rows["enrollment"], workflow_step=rows["step"])
    rows["draft"] = make_approved_draft(
        approved_by=rows["user"], **pick(rows, "task", "variant", "prompt")
    )
    rows["message"] = make_message(
        step_experiment=rows["experiment"], **pick(rows, "draft", "mailbox", "variant")
    )
    return rows | make_leaves(rows)


def make_leaves(rows):
    return {
        "pixel": make_row(Pixel, message=rows["message"]),
        "opens": make_row(OpenStats, message=rows["message"]),
        "daily": make_row(
            DailyStats, workflow_step=rows["step"], **pick(rows, "campaign", "variant")
        ),
        **make_import(rows),
        "check": make_row(AddressCheck, asked_by=rows["user"]),
        "phone": make_phone(person=rows["person"]),
        "consent": make_row(Consent, person=rows["person"]),
        "membership": Membership.objects.create(user=rows["user"]),
        "delivery": make_row(WebhookDelivery, endpoint=rows["endpoint"]),
        "visit": make_row(OperatorEntry, user=rows["user"]),
        "audit": make_row(AuditEvent, service_account=rows["program"], user=rows["user"]),
    }


def make_import(rows):
    """A file, its bytes and what is wrong with it."""
    people = dict.fromkeys(["uploaded_by", "contacted_allowed_by"], rows["user"])
    upload = make_row(ImportUpload, campaign=rows["campaign"], **people)
    part = make_row(ImportFilePart, upload=upload)
    return {"upload": upload, "part": part, "problem": make_row(ImportProblem, upload=upload)}


def pick(rows, *names):
    return {name: rows[name] for name in names}


def content(rows):
    """Every column of every row that is still there, read afresh."""
    return {
        f"{name}.{field.name}": value
        for name, row in rows.items()
        for values in type(row)._base_manager.filter(pk=row.pk).values()
        for field in row._meta.concrete_fields
        if field.name != "updated_at"
        for value in [values[field.attname]]
    }


def check_constraints():
    """Have every deferred rule judged now, as the end of the transaction would."""
    connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
    connection.cursor().execute("SET CONSTRAINTS ALL DEFERRED")


@pytest.mark.parametrize("deleted", RULES)
def test_deleting_does_what_the_model_says_and_nothing_else(inside, deleted):
    rows = make_chain()
    check_constraints()
    before = content(rows)
    with_it, nulled = RULES[deleted]

    rows[deleted].delete()
    check_constraints()

    gone = {deleted, *with_it}
    expected = {key: value for key, value in before.items() if key.split(".")[0] not in gone}
    assert all(before[key] is not None for key in nulled)
    assert content(rows) == expected | dict.fromkeys(nulled) | KEPT_TRUE.get(deleted, {})


def test_the_rules_name_every_kind_of_row(inside):
    assert {type(row) for row in make_chain().values()} >= set(tenant_models()) - ALONE


def test_deleting_an_organisation_takes_everything_of_it_and_nothing_of_the_other(
    organisation, other_organisation
):
    with tenant(other_organisation.pk):
        theirs = make_chain()
        before = content(theirs)
    with tenant(organisation.pk):
        rows = make_chain()
        organisation.delete()
        check_constraints()
        assert [model for model in tenant_models() if model._base_manager.exists()] == []
        assert User.objects.filter(pk=rows["user"].pk).exists()
    with tenant(other_organisation.pk):
        assert content(theirs) == before


def test_an_organisation_is_neither_made_nor_changed_nor_deleted_from_outside(
    organisation, other_organisation
):
    refused = pytest.raises(ProgrammingError, match="no organisation is being served")
    with refused, transaction.atomic():
        organisation.delete()
    with tenant(other_organisation.pk):
        assert Organisation.objects.filter(pk=organisation.pk).update(name="Taken over") == 0
        organisation.delete()
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            Organisation.objects.create(name="Third", slug="third")

    assert Organisation.objects.get(slug=organisation.slug).name == "Acme"


def test_a_deleted_person_of_the_platform_leaves_every_organisation(
    organisation, other_organisation
):
    person = factories.make_user()
    for each in (organisation, other_organisation):
        with tenant(each.pk):
            Membership.objects.create(user=person)

    person.delete()

    for each in (organisation, other_organisation):
        with tenant(each.pk):
            assert Membership.objects.count() == 1


def test_the_owner_of_an_organisation_is_not_deleted_from_under_it(inside):
    Membership.objects.get(role="owner").user.delete()

    with pytest.raises(IntegrityError, match="exactly one owner"):
        check_constraints()
    connection.needs_rollback = True


# Rows that hang on the organisation alone.
ALONE = {Receipt, Suppression, MailDomain, ImportMapping, Segment}
