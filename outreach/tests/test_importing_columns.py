"""What the columns of a file mean when it comes again, and who may still be let in."""

import pytest

from outreach.models import ImportProblem, ImportUpload
from outreach.services import uploads
from outreach.tests.bringing import ADA, AT, LATER
from outreach.tests.making import make_open_campaign
from prospectflow.testing.factories import make_step


def test_a_header_with_a_line_end_is_not_taken_for_two(bringing):
    first, second = bringing.folder / "1.csv", bringing.folder / "2.csv"
    first.write_text('company_name,email,"x\ny"\nA,a@b.example.com,1\n')
    second.write_text("company_name,email,x,y\nA,a@b.example.com,1,2\n")
    settled = bringing.receive(path=first)
    with bringing.open():
        uploads.map_columns(settled, columns={}, at=AT)

    upload = bringing.receive(path=second)

    assert set(upload.column_mappings) == {"company_name", "email", "x", "y"}
    assert bringing.imported(upload).status == "completed"


def test_a_column_that_the_mapping_does_not_name_means_what_it_seems_to(bringing):
    upload = bringing.receive(ADA)
    with bringing.open():
        mapped = {"email": "position.email"}
        ImportUpload.objects.update(column_mappings=mapped)

    done = bringing.imported(upload)

    assert done.report["columns_mapped"]["company_name"] == "company.name"


def test_the_problems_of_a_former_run_go_when_the_next_one_tells_its_own(bringing):
    checked = bringing.validated(bringing.receive(ADA, ADA))

    with bringing.open():
        uploads.run(checked, at=LATER)
        assert ImportProblem.objects.count() == 1
        with pytest.raises(uploads.NoReportYet):
            uploads.problems_of(bringing.fresh_inside(checked))

    assert bringing.problems(bringing.gone_on(checked)) == [(3, "duplicate_address")]


def test_nobody_is_let_in_where_there_is_no_campaign(bringing):
    upload = bringing.receive(ADA)

    with bringing.open(), pytest.raises(uploads.NobodyToLetIn):
        uploads.allow_contacted(upload, at=LATER, user=None)

    assert bringing.fresh(upload).contacted_allowed_at is None


def test_nobody_is_let_in_after_the_end(bringing):
    with bringing.open():
        campaign = make_open_campaign()
        make_step(campaign)
    done = bringing.bring(ADA, campaign=campaign)

    with bringing.open(), pytest.raises(uploads.ImportEnded):
        uploads.allow_contacted(done, at=LATER, user=None)

    assert bringing.fresh(done).contacted_allowed_at is None
