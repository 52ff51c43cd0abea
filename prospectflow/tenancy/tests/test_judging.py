"""What a load would be told, were there something to tell."""

from prospectflow.tenancy.tests.load.judging import Findings, complaints, strange_ids

OURS, THEIRS = (f"01a207cb-9dff-77d7-88a5-59a2343b164{last}" for last in "12")
OWNERS = {OURS.encode(): 1, THEIRS.encode(): 2}


def told(body, asked=""):
    findings = Findings()
    findings.answered("list", 1, asked, 200, body.encode())
    return findings


def test_ones_own_rows_are_nothing_to_tell():
    findings = told(f"Mark01x {OURS}")

    assert (findings.leaks, strange_ids(findings, OWNERS)) == ([], [])
    assert not findings.over.is_set()


def test_a_text_of_another_organisation_ends_the_load():
    findings = told("Mark01x and Mark02x")

    assert findings.leaks == ["list: 1 was shown rows of [2]"]
    assert findings.over.is_set()


def test_an_id_of_another_organisation_is_told_unless_it_was_asked_for():
    assert strange_ids(told(THEIRS), OWNERS) == [f"1 was shown {THEIRS} of 2"]
    assert strange_ids(told(THEIRS, asked=f"/companies/{THEIRS}/"), OWNERS) == []


def test_of_a_log_only_what_failed_because_of_whom_it_was_for_is_told():
    refused = "ERROR: app.organisation_id is not set: no organisation is being served"

    assert complaints(f"terminating connection\n{refused}\ncanceling statement") == [refused]
