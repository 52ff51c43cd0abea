"""Everything that knows what a tenant is."""

SCHEMAS = ("iam", "crm", "outreach", "tracking")
