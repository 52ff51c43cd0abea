"""The rows that the examples tell of: one company, one person, one campaign."""

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

company = {"name": "Acme", "siren": "732829320", "domain": "acme.example", "city": "Lyon"}
person = {"salutation": "Madame", "first_name": "Marie", "last_name": "Curie"}
phone = {"person": PERSON, "number": "+33140200000", "kind": "fixed", "source": "hand"}
position = {
    "person": PERSON,
    "company": COMPANY,
    "job_title": "Head of sales",
    "email": "marie.curie@acme.example",
    "email_status": "valid",
}
consent = {"person": PERSON, "state": "given", "source": "form on acme.example"}
campaign = {
    "name": "Spring",
    "value_prop": "Invoices that are paid in time",
    "from_mailbox": MAILBOX,
    "track_opens": False,
}
step = {
    "campaign": CAMPAIGN,
    "step_index": 0,
    "delay_days": 0,
    "subject_template": "Your invoices",
    "body_template": "Good morning, may I show you how others are paid in time?",
}
prompt = {"name": "opening", "prompt_text": "Write one sentence about what the company does."}
experiment = {"name": "Two subjects", "workflow_step": STEP, "minimum_sample": 200}
variant = {
    "step_experiment": EXPERIMENT,
    "key": "short",
    "weight": 1,
    "subject_template": "Invoices",
}
mailbox = {
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
program = {"name": "CRM bridge", "client_id": "3k2example1client", "role": "member"}
webhook = {"url": "https://hooks.acme.example/prospectflow", "events": ["enrollment.replied"]}
invitation = {"email": "pierre@acme.example", "role": "member"}
item = {
    "position": {"positionEmail": "marie.curie@acme.example", "positionJobTitle": "Director"},
    "person": {"personFirstName": "Marie", "personLastName": "Curie"},
    "company": {"companyName": "Acme", "companySiren": "732829320"},
}
columns = {"Company": "company.name", "E-mail": "position.email", "Fax": "keep"}
noted = {
    "id": COMPANY,
    "row": 17,
    "kind": "refused",
    "column": "E-mail",
    "value": "",
    "code": "email_missing",
    "sentence": "The row has no e-mail address.",
}
tally = {"created": 117, "updated": 0, "unchanged": 1}
enrollment = {"campaign": CAMPAIGN, "position": POSITION}

segment = {
    "name": "Restaurants of Marseille, not written to since spring",
    "filters": {"naf": "56", "departments": ["13"], "not_contacted_for_days": 90},
}
account = {"id": PROGRAM, **program, "status": "active", **WHEN}
