"""The functions that ask beyond one organisation: on Citus these alone ask every shard."""

EVERY_SHARD = {
    "iam.forget_audit_events": "housekeeping by date, once a day",
    "iam.forget_receipts": "housekeeping by date, once a day",
    "outreach.mailboxes_to_read": "the tick, each few seconds: ids of mailboxes alone",
    "outreach.mailboxes_to_send": "the tick, each few seconds: ids of mailboxes alone",
    "outreach.monitored": "figures of the whole installation, at each scrape: numbers alone",
    "outreach.organisations_with_due_tasks": "the tick, each few seconds: ids alone",
    "outreach.organisations_with_due_webhooks": "the tick, each few seconds: ids alone",
    "outreach.organisations_with_stranded_tasks": "the tick, each few seconds: ids alone",
    "outreach.unsubscribe_target": "a link in a mail: one look-up by index on each shard",
    "tracking.pixel_target": "a picture in a mail: one look-up by index on each shard",
}
