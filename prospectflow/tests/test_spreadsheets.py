"""What a spreadsheet would compute is text, in every file that leaves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prospectflow.exporting import FORMS
from prospectflow.spreadsheets import FORMULA_STARTS, neutralised, restored

FORMULAS = ["=1+1", "+33612345678", "-2", "@SUM(A1)", "\t=1", " =1", "\r=1", "\n=1"]


@pytest.mark.parametrize("cell", FORMULAS)
def test_a_cell_that_would_be_computed_is_neutralised(cell):
    assert neutralised(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "Marie", "1+1=2", "marie@example.com"])
def test_a_harmless_cell_is_left_alone(cell):
    assert neutralised(cell) == cell


@given(text=st.text(max_size=20))
def test_a_neutralised_cell_never_starts_a_formula(text):
    assert not neutralised(text).lstrip().startswith(FORMULA_STARTS)


@given(text=st.text(max_size=20).filter(lambda text: not text.startswith("'")))
def test_a_cell_that_comes_back_is_what_it_was(text):
    assert restored(neutralised(text)) == text


@pytest.mark.parametrize("cell", ["'t Hof", "'", "''=1", "Marie"])
def test_an_apostrophe_that_hides_no_formula_is_the_cells_own(cell):
    assert restored(cell) == cell


@pytest.mark.parametrize("cell", FORMULAS)
def test_no_file_that_leaves_computes(cell):
    file = "".join(FORMS["csv"](["text"], [{"text": cell}]))

    assert f"'{cell}" in file
