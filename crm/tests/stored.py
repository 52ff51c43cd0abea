"""What an import told, and what is stored after it."""

from datetime import UTC, datetime

from crm.models import Company, Person, Phone, Position

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LATER = datetime(2026, 12, 23, 9, 0, tzinfo=UTC)
MODELS = (Company, Person, Position, Phone)
ADA = {
    "company_name": "Bar des Amis",
    "email": "ada@bar.example.com",
    "first_name": "Ada",
    "last_name": "Lovelace",
}


def counted(tally):
    return tally.created, tally.updated, tally.unchanged


def codes(problems, kind):
    return [(problem.row, problem.code) for problem in problems if problem.kind == kind]


def refused(problems):
    return codes(problems, "refused")


def duplicates(problems):
    return codes(problems, "duplicate")


def repeated(problems):
    return next(problem for problem in problems if problem.kind == "duplicate")


def everything():
    return [list(model.objects.order_by("id").values()) for model in MODELS]


def facts():
    """Everything but the ids, which tell of the import, and the moments of storing."""
    own = {"id", "person_id", "company_id", "created_at", "updated_at"}
    return [
        sorted(str({name: fact for name, fact in row.items() if name not in own}) for row in rows)
        for rows in everything()
    ]


def counts():
    return [model.objects.count() for model in MODELS]
