"""What is counted and timed as it happens, by the names under which Prometheus reads it.

Below every app, so that each may count. Labels name organisations and campaigns by their ids,
and nothing of a person.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LONG_SECONDS = (*SECONDS, 60, 600)

REGISTRY = CollectorRegistry()


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(name, meaning, labels, registry=REGISTRY)


def _timer(
    name: str, meaning: str, *labels: str, buckets: tuple[float, ...] = SECONDS
) -> Histogram:
    return Histogram(name, meaning, labels, registry=REGISTRY, buckets=buckets)


# Requests -------------------------------------------------------------------------------------
_REQUEST = ("method", "route", "status_code")
REQUESTS = _counter("http_requests_total", "Requests answered.", *_REQUEST)
REQUEST_SECONDS = _timer("http_request_duration_seconds", "Until the answer began.", *_REQUEST)

# The database, asked by Django's connection ---------------------------------------------------
QUERY_SECONDS = _timer("db_query_duration_seconds", "Statements.", "operation", "schema")

# The queue ------------------------------------------------------------------------------------
JOBS = _counter("queue_messages_total", "What was done to jobs.", "queue", "action")
JOB_SECONDS = _timer(
    "queue_processing_duration_seconds",
    "How long workers were at a job, each time they took it.",
    *("queue", "success"),
    buckets=LONG_SECONDS,
)

# Outreach -------------------------------------------------------------------------------------
EMAILS = _counter(
    "emails_sent_total",
    "Mails handed to a server; success: whether it took the mail.",
    *("organisation_id", "campaign_id", "success"),
)
MAILS = _counter("prospectflow_mails_total", "Mails that were begun, by what became.", "outcome")
DRAFTS = _counter("drafts_generated_total", "Drafts, written or not.", "organisation_id", "success")
PROSPECTS = _counter(
    "prospects_processed_total", "Rows of files that were done.", "organisation_id", "action"
)
DUPLICATE_CHECKS = _counter("duplicate_checks_total", "Files held against what is known.")
DUPLICATES = _counter("duplicates_detected_total", "Rows found to be known or repeated.")
DUPLICATE_OVERRIDES = _counter("duplicate_overrides_total", "Files let in all the same.")
DUPLICATE_SECONDS = _timer(
    "duplicate_check_duration_seconds",
    "Holding a file against what is known, by its addresses.",
    "email_count_bucket",
    buckets=LONG_SECONDS,
)

# Campaigns, as people and programs ask for them -----------------------------------------------
CAMPAIGNS_CREATED = _counter("prospectflow_campaigns_created_total", "Campaigns made.")
CAMPAIGN_REQUESTS = {
    asked: (
        _counter(f"prospectflow_campaigns_{asked}_total", f"Campaigns: {meaning}."),
        _timer(f"prospectflow_campaigns_{asked}_duration_seconds", f"Campaigns: {meaning}."),
    )
    for asked, meaning in {
        "list": "lists read",
        "details": "single ones read",
        "update": "changes",
    }.items()
}

_COUNTS = ((10, "1-10"), (50, "11-50"), (100, "51-100"))


def count_bucket(number: int) -> str:
    """The label for so many addresses."""
    return next((name for most, name in _COUNTS if number <= most), "100+")


def yes_or_no(truth: bool) -> str:
    """A truth as labels say it."""
    return "true" if truth else "false"
