"""The console's own pages, beside those that the admin makes of the models."""

from collections.abc import Callable

from django.http import HttpResponseBase

from prospectflow.console.views import (
    addresses,
    campaign,
    imports,
    inbox,
    mailboxes,
    organisations,
    review,
    sending,
    sessions,
    simulation,
    tasks,
    uploading,
    visiting,
)

PAGES: list[tuple[str, Callable[..., HttpResponseBase], str]] = [
    ("organisations/", organisations.choose, "organisations"),
    ("organisations/enter/", organisations.enter_organisation, "enter"),
    ("organisations/accept/", organisations.accept_invitation, "accept"),
    ("organisations/leave/", organisations.leave_organisation, "leave"),
    ("organisations/visit/", visiting.begin, "visit"),
    ("organisations/visit/end/", visiting.end, "visit_end"),
    ("sessions/", sessions.own, "sessions"),
    ("sessions/end/", sessions.end, "session_end"),
    ("sessions/end-others/", sessions.end_others, "sessions_end_others"),
    ("sessions/end-everything/", sessions.end_everything, "sessions_end_everything"),
    ("review/", review.start, "review"),
    ("review/<uuid:draft_id>/", review.draft, "review_draft"),
    ("inbox/", inbox.messages_in, "inbox"),
    ("inbox/<uuid:position_id>/", inbox.thread, "thread"),
    ("campaigns/<uuid:campaign_id>/", campaign.overview, "campaign"),
    ("campaigns/<uuid:campaign_id>/move/", campaign.move, "campaign_move"),
    ("campaigns/<uuid:campaign_id>/enroll/", campaign.enroll, "campaign_enroll"),
    ("campaigns/<uuid:campaign_id>/simulation/", simulation.shown, "campaign_simulation"),
    ("campaigns/<uuid:campaign_id>/waiting/", campaign.waiting, "campaign_waiting"),
    ("tasks/<uuid:task_id>/cancel/", tasks.cancel, "task_cancel"),
    ("tasks/<uuid:task_id>/decide/", sending.decide_on_task, "task_decide"),
    ("sending/", sending.overview, "sending"),
    ("sending/platform/", sending.platform, "sending_platform"),
    ("mailboxes/<uuid:mailbox_id>/check/", mailboxes.check, "mailbox_check"),
    ("mailboxes/<uuid:mailbox_id>/domain/", mailboxes.check_the_domain, "mailbox_domain"),
    ("mailboxes/<uuid:mailbox_id>/dkim/", mailboxes.renew_dkim, "mailbox_renew_dkim"),
    ("imports/new/", uploading.new, "import_new"),
    ("imports/<uuid:upload_id>/", imports.shown, "import"),
    ("imports/<uuid:upload_id>/columns/", imports.columns, "import_columns"),
    ("imports/<uuid:upload_id>/progress/", imports.progress, "import_progress"),
    ("imports/<uuid:upload_id>/move/", imports.move, "import_move"),
    ("imports/<uuid:upload_id>/refused/", imports.refused, "import_refused"),
    ("addresses/check/", addresses.check, "check_addresses"),
]
"""Each address, what answers it, and its name."""
