"""One example of each body that is sent and of each that answers, by its name in the document.

A test holds each to its own schema, and that no operation that writes is without.
"""

from typing import Any

COMPANY, PERSON, POSITION, PHONE, CONSENT = (f"0197c0de-0001-7000-8000-{n:012}" for n in range(5))
CAMPAIGN, STEP, PROMPT, EXPERIMENT, VARIANT = (f"0197c0de-0002-7000-8000-{n:012}" for n in range(5))
ENROLLMENT, TASK, DRAFT, MAILBOX, UPLOAD, CHECK = (
    f"0197c0de-0003-7000-8000-{n:012}" for n in range(6)
)
ORGANISATION, USER, MEMBER, PROGRAM, WEBHOOK, ENTRY = (
    f"0197c0de-0004-7000-8000-{n:012}" for n in range(6)
)
SEGMENT = "0197c0de-0005-7000-8000-000000000000"
MONDAY, TUESDAY = "2027-03-01T09:30:00Z", "2027-03-02T09:30:00Z"
WHEN = {"created_at": MONDAY, "updated_at": TUESDAY}
SOURCED = {"provenance": {}, "kept": {}, **WHEN}
HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

_company = {"name": "Acme", "siren": "732829320", "domain": "acme.example", "city": "Lyon"}
_person = {"salutation": "Madame", "first_name": "Marie", "last_name": "Curie"}
_phone = {"person": PERSON, "number": "+33140200000", "kind": "fixed", "source": "hand"}
_position = {
    "person": PERSON,
    "company": COMPANY,
    "job_title": "Head of sales",
    "email": "marie.curie@acme.example",
    "email_status": "valid",
}
_consent = {"person": PERSON, "state": "given", "source": "form on acme.example"}
_campaign = {
    "name": "Spring",
    "value_prop": "Invoices that are paid in time",
    "from_mailbox": MAILBOX,
    "track_opens": False,
}
_step = {
    "campaign": CAMPAIGN,
    "step_index": 0,
    "delay_days": 0,
    "subject_template": "Your invoices",
    "body_template": "Good morning, may I show you how others are paid in time?",
}
_prompt = {"name": "opening", "prompt_text": "Write one sentence about what the company does."}
_experiment = {"name": "Two subjects", "workflow_step": STEP, "minimum_sample": 200}
_variant = {
    "step_experiment": EXPERIMENT,
    "key": "short",
    "weight": 1,
    "subject_template": "Invoices",
}
_mailbox = {
    "address": "sales@acme.example",
    "display_name": "Anna of Acme",
    "provider": "other",
    "sign_in": "password",
    "username": "sales@acme.example",
    "smtp_host": "smtp.acme.example",
    "smtp_port": 465,
    "smtp_security": "tls",
    "imap_host": "imap.acme.example",
    "imap_port": 993,
    "imap_security": "tls",
    "daily_limit": 40,
    "time_zone": "Europe/Paris",
}
_program = {"name": "CRM bridge", "client_id": "3k2example1client", "role": "member"}
_webhook = {"url": "https://hooks.acme.example/prospectflow", "events": ["enrollment.replied"]}
_invitation = {"email": "pierre@acme.example", "role": "member"}
_item = {
    "position": {"positionEmail": "marie.curie@acme.example", "positionJobTitle": "Director"},
    "person": {"personFirstName": "Marie", "personLastName": "Curie"},
    "company": {"companyName": "Acme", "companySiren": "732829320"},
}
_columns = {"Company": "company.name", "E-mail": "position.email", "Fax": "keep"}
_noted = {
    "id": COMPANY,
    "row": 17,
    "kind": "refused",
    "column": "E-mail",
    "value": "",
    "code": "email_missing",
    "sentence": "The row has no e-mail address.",
}
_tally = {"created": 117, "updated": 0, "unchanged": 1}
_enrollment = {"campaign": CAMPAIGN, "position": POSITION}

_segment = {
    "name": "Restaurants of Marseille, not written to since spring",
    "filters": {"naf": "56", "departments": ["13"], "not_contacted_for_days": 90},
}

REQUESTS: dict[str, dict[str, Any]] = {
    "AddressesRequest": {"addresses": ["marie.curie@acme.example", "info@bolt.example"]},
    "BatchRequest": {"action": "approve", "items": [{"id": DRAFT, "seen": HASH}]},
    "CampaignRequest": _campaign,
    "CompanyRequest": _company,
    "CancelRequest": {"reason": "They became a customer."},
    "ChangedStepRequest": {**_step, "keep_approved": False},
    "ConsentRequest": _consent,
    "EnrollmentRequest": _enrollment,
    "ExperimentRequest": _experiment,
    "InvitationRequest": _invitation,
    "ItemsRequest": {"data": [_item], "profile": "items", "campaign": CAMPAIGN},
    "MailboxRequest": {**_mailbox, "password": "the mailbox's own"},
    "PatchedChangedStepRequest": {"delay_days": 3, "keep_approved": False},
    "PatchedCampaignRequest": {"name": "Spring in Lyon"},
    "PatchedCompanyRequest": {"city": "Paris"},
    "PatchedDraftRequest": {"subject": "Your invoices, Marie"},
    "PatchedExperimentRequest": {"minimum_sample": 400},
    "PatchedImportRequest": {"column_mappings": {"E-mail": "position.email"}},
    "PatchedMailboxRequest": {"daily_limit": 60},
    "PatchedMembershipRequest": {"role": "admin"},
    "PatchedOrganisationRequest": {"time_zone": "Europe/Paris"},
    "PatchedPersonRequest": {"first_name": "Maria"},
    "PatchedPhoneRequest": {"number": "+33140200001"},
    "PatchedPositionRequest": {"job_title": "Managing director"},
    "PatchedPromptRequest": {"is_active": False},
    "PatchedSegmentRequest": {"filters": {"naf": "56.10", "without": ["free"]}},
    "PatchedServiceAccountChangeRequest": {"role": "viewer"},
    "PatchedVariantRequest": {"weight": 2},
    "PatchedWebhookRequest": {"events": ["enrollment.replied", "import.finished"]},
    "PauseRequest": {"until": TUESDAY},
    "PersonRequest": _person,
    "PhoneRequest": _phone,
    "PositionRequest": _position,
    "PositionsRequest": {"positions": [POSITION]},
    "PromptRequest": _prompt,
    "SeenRequest": {"seen": HASH},
    "SegmentEnrolRequest": {"campaign": CAMPAIGN},
    "SegmentRequest": _segment,
    "ServiceAccountRequest": _program,
    "StepRequest": _step,
    "StopRequest": {"reason": "They became a customer."},
    "SuppressRequest": {"address": "marie.curie@acme.example", "source": "a call"},
    "UploadRequest": {"file": "the bytes of prospects.csv", "profile": "generic"},
    "VariantRequest": _variant,
    "WebhookRequest": _webhook,
}
_account = {"id": PROGRAM, **_program, "status": "active", **WHEN}
ANSWERS: dict[str, dict[str, Any]] = {
    "AddressCheck": {
        "id": CHECK,
        "asked_by": USER,
        "asked_at": MONDAY,
        "finished_at": MONDAY,
        "report": {
            "syntax": 812,
            "accepts": 779,
            "refuses": 21,
            "unknown": 12,
            "role": 64,
            "free": 120,
            "disposable": 1,
            "catch_all": 90,
            "domains_asked": 540,
            "made_invalid": 21,
            "given_back": 0,
        },
        **WHEN,
    },
    "BatchResult": {"results": [{"id": DRAFT, "done": True, "code": "", "detail": ""}]},
    "Campaign": {
        "id": CAMPAIGN,
        **_campaign,
        "status": "draft",
        "enrolled": 0,
        "sent": 0,
        "reached": 0,
        "replied": 0,
        "response_rate": 0.0,
        "created_by": USER,
        **WHEN,
    },
    "Company": {"id": COMPANY, **_company, "department": "69", **SOURCED},
    "Consent": {"id": CONSENT, **_consent, "at": MONDAY, "created_at": MONDAY},
    "Draft": {
        "id": DRAFT,
        "task": TASK,
        "campaign": CAMPAIGN,
        "enrollment": ENROLLMENT,
        "recipient": "marie.curie@acme.example",
        "subject": "Your invoices",
        "status": "pending",
        "skip_count": 0,
        "approved_at": None,
        "approved_by": None,
        "approved_rule": "",
        "variant": None,
        "prompt": None,
        "body_text": "Good morning, may I show you how others are paid in time?",
        "hooks": [],
        "problems": [],
        "edits": [],
        "approved_hash": "",
        "mail": {
            "sender": "Anna of Acme <sales@acme.example>",
            "recipient": "marie.curie@acme.example",
            "subject": "Your invoices",
            "text": "Good morning, may I show you how others are paid in time?",
            "html": "<p>Good morning, may I show you how others are paid in time?</p>",
            "hash": HASH,
        },
        "refusal": "",
        **WHEN,
    },
    "Enrollment": {
        "id": ENROLLMENT,
        **_enrollment,
        "campaign_name": "Spring",
        "email": "marie.curie@acme.example",
        "person_name": "Marie Curie",
        "company_name": "Acme",
        "mailbox": MAILBOX,
        "state": "active",
        "enrolled_at": MONDAY,
        "paused_until": None,
        "last_activity_at": None,
        "stopped_reason": None,
        **WHEN,
    },
    "Experiment": {
        "id": EXPERIMENT,
        **_experiment,
        "campaign": CAMPAIGN,
        "status": "draft",
        "variants": [],
        **WHEN,
    },
    "Columns": {
        "profile": "generic",
        "columns": [
            {
                "name": "E-mail",
                "samples": ["marie.curie@acme.example"],
                "target": "position.email",
                "state": "mapped",
                "reason": "column_alias",
                "sentence": "This is a known other name of the field.",
                "rivals": [],
            }
        ],
    },
    "Import": {
        "id": UPLOAD,
        "filename": "prospects.csv",
        "file_size": 48213,
        "file_sha256": HASH,
        "profile": "generic",
        "status": "importing",
        "row_count": 120,
        "rows_done": 0,
        "campaign": None,
        "uploaded_by": USER,
        "uploaded_at": MONDAY,
        "started_at": MONDAY,
        "finished_at": None,
        "format": {
            "kind": "csv",
            "encoding": "utf-8",
            "delimiter": ";",
            "compression": "",
            "sheet": "",
            "sheets": [],
        },
        "detected_columns": list(_columns),
        "column_mappings": _columns,
        "parse_errors": [],
        "contacted_allowed_by": None,
        "contacted_allowed_at": None,
        **WHEN,
    },
    "Mapping": {
        "id": UPLOAD,
        "header_digest": HASH,
        "profile": "generic",
        "column_mappings": _columns,
        "settled_at": MONDAY,
        **WHEN,
    },
    "Progress": {
        "status": "importing",
        "stage": "storing",
        "rows": 450000,
        "of": 1000000,
        "rows_per_second": 12500.0,
        "seconds_left": 44.0,
    },
    "Report": {
        "stored_up_to_row": 121,
        "standing": "",
        "file_name": "prospects.csv",
        "sha256": HASH,
        "encoding": "utf-8",
        "delimiter": ";",
        "profile": "generic",
        "dry_run": False,
        "columns_mapped": {"Company": "company.name", "E-mail": "position.email"},
        "columns_ignored": [],
        "columns_unknown": ["Fax"],
        "rows": 120,
        "rows_imported": 118,
        "rows_refused": 2,
        "rows_duplicate": 0,
        "rows_warned": 0,
        "companies": _tally,
        "people": _tally,
        "positions": _tally,
        "phones": _tally,
        "codes": {"refused": {"email_missing": 2}},
        "enrolled": 0,
        "enrolling": "",
        "undone": {},
        "refused": [_noted],
        "duplicates": [],
        "warnings": [],
        "notes": [],
    },
    "Intake": {"enrolled": 2, "left_out": 1, "reasons": {"already_in": 1}},
    "Invitation": {
        "id": MEMBER,
        **_invitation,
        "invited_by": USER,
        "expires_at": "2027-03-08T09:30:00Z",
        "is_expired": False,
        "created_at": MONDAY,
    },
    "Mailbox": {
        "id": MAILBOX,
        **_mailbox,
        "status": "active",
        "status_reason": "",
        "has_password": True,
        "has_oauth": False,
        "has_dkim_key": False,
        "signs": False,
        "dkim_record": None,
        "domain_report": {"spf": None, "dkim": None, "dmarc": None, "mx": None},
        "domain_checked_at": None,
        "health": {"level": "ok", "sentence": "", "sent": 310, "bounced": 2, "complaints": 0},
        "next_send_at": None,
        "last_synced_at": None,
        **WHEN,
    },
    "Membership": {
        "id": MEMBER,
        "user": USER,
        "email": "pierre@acme.example",
        "name": "Pierre Curie",
        "role": "admin",
        "status": "active",
        "expires_at": None,
        **WHEN,
    },
    "Organisation": {
        "id": ORGANISATION,
        "slug": "acme",
        "name": "Acme",
        "country": "FR",
        "time_zone": "Europe/Paris",
        "siren": "732829320",
        **WHEN,
    },
    "Person": {"id": PERSON, **_person, "phones": [], **SOURCED},
    "Phone": {"id": PHONE, **_phone, "raw": "01 40 20 00 00", **WHEN},
    "Position": {
        "id": POSITION,
        **_position,
        "person_name": "Marie Curie",
        "company_name": "Acme",
        "verification": "domain",
        "email_is_role": False,
        "email_is_free": False,
        "email_is_disposable": False,
        **SOURCED,
    },
    "Prompt": {"id": PROMPT, **_prompt, "version": 1, "is_active": True, **WHEN},
    "RowProblem": _noted,
    "Secret": {"id": WEBHOOK, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    "Segment": {"id": SEGMENT, **_segment, **WHEN},
    "SegmentIntake": {"enrolled": 2, "left_out": 1, "reasons": {"already_in": 1}, "last": None},
    "ServiceAccount": _account,
    "ServiceAccountChange": {**_account, "role": "viewer"},
    "Step": {"id": STEP, **_step, "kind": "email", "is_active": True, **WHEN},
    "Suppressed": {"suppressed": ["marie.curie@acme.example"]},
    "Suppression": {
        "id": ENTRY,
        "kind": "address",
        "domain": None,
        "reason": "by_hand",
        "source": "a call",
        "at": MONDAY,
        **WHEN,
    },
    "Variant": {"id": VARIANT, **_variant, "prompt": None, "body_template": None, **WHEN},
    "Webhook": {"id": WEBHOOK, **_webhook, "status": "active", "status_reason": "", **WHEN},
}


def add_examples(document: dict[str, Any]) -> None:
    """Show the examples beside the bodies that they are examples of."""
    for methods in document["paths"].values():
        for operation in methods.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for content in (each for body in bodies for each in body.get("content", {}).values()):
                name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
                if example := (REQUESTS | ANSWERS).get(name):
                    content["examples"] = {"example": {"value": example}}
