"""A file to fill in, for those whose prospects stand nowhere yet."""

import csv
import io

from crm.importing.profiles import GENERIC

EXAMPLE = {
    "company.name": "Café des Amis",
    "company.siren": "732829320",
    "company.website_url": "https://cafe-des-amis.example",
    "position.email": "marie.curie@cafe-des-amis.example",
    "position.job_title": "Gérante",
    "person.salutation": "Madame",
    "person.first_name": "Marie",
    "person.last_name": "Curie",
    "phone.file": "01 40 20 00 00",
}


def file_to_fill_in() -> str:
    """CSV with a header that is recognised as it stands, and one row that shows how to fill it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(GENERIC.aliases[target][0] for target in EXAMPLE)
    writer.writerow(EXAMPLE.values())
    return out.getvalue()
