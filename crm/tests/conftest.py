"""Files of prospects, written row by row."""

import csv

import pytest


@pytest.fixture
def file(tmp_path):
    def write(*rows, name="prospects.csv"):
        headers = list(dict.fromkeys(header for row in rows for header in row))
        with (tmp_path / name).open("w", newline="") as target:
            writer = csv.DictWriter(target, headers, restval="")
            writer.writeheader()
            writer.writerows(rows)
        return tmp_path / name

    return write
