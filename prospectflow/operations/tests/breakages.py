"""What can be broken in a database, by the suite that watches it, and what mends it."""

import os

DATABASE = f"validation_scratch_{os.getpid()}"
POLICY = "ALTER POLICY tenant_isolation ON companies USING ({})"
KNOWN = "(organisation_id = coalesce(nullif(btrim(current_setting('app.organisation_id', true)), '')::uuid, iam.raise_no_organisation()))"  # fmt: skip # noqa: E501
COMPANY_OF_POSITION = (
    "SELECT conname FROM pg_constraint WHERE contype = 'f'"
    " AND conrelid = 'positions'::regclass AND confrelid = 'companies'::regclass"
)
BREAKAGES = [
    # suite, what breaks it, what mends it, what is said
    ("schemas", "ALTER SCHEMA tracking RENAME TO traces", "ALTER SCHEMA traces RENAME TO tracking",
     "schema tracking is missing"),
    ("schemas", "REVOKE USAGE ON SCHEMA crm FROM prospectflow_app",
     "GRANT USAGE ON SCHEMA crm TO prospectflow_app", "schema crm is closed"),
    ("schemas", "GRANT CREATE ON SCHEMA crm TO prospectflow_app",
     "REVOKE CREATE ON SCHEMA crm FROM prospectflow_app", "schema crm lets the serving role"),
    ("tables and columns", "ALTER TABLE prompts RENAME TO prompts_2",
     "ALTER TABLE prompts_2 RENAME TO prompts", "table outreach.prompts is missing"),
    ("tables and columns", "CREATE TABLE crm.leftover ()", "DROP TABLE crm.leftover",
     "table crm.leftover belongs to no model"),
    ("tables and columns", "ALTER TABLE companies ALTER city TYPE varchar(99)",
     "ALTER TABLE companies ALTER city TYPE varchar(100)",
     "column crm.companies.city is of type character varying(99), not character varying(100)"),
    ("tables and columns", "ALTER TABLE companies ALTER city SET NOT NULL",
     "ALTER TABLE companies ALTER city DROP NOT NULL", "column crm.companies.city is NOT NULL"),
    ("tables and columns", "ALTER TABLE companies ALTER name DROP NOT NULL",
     "ALTER TABLE companies ALTER name SET NOT NULL", "column crm.companies.name may be null"),
    ("tables and columns", "ALTER TABLE companies ALTER id SET DEFAULT gen_random_uuid()",
     "ALTER TABLE companies ALTER id SET DEFAULT uuidv7()",
     "column crm.companies.id has the default gen_random_uuid()"),
    ("tables and columns", "ALTER TABLE companies ALTER organisation_id DROP DEFAULT",
     "ALTER TABLE companies ALTER organisation_id SET DEFAULT iam.current_organisation_id()",
     "column crm.companies.organisation_id has no default"),
    ("tables and columns", "ALTER TABLE messages ALTER gone_wrong SET EXPRESSION AS (false)",
     "ALTER TABLE messages ALTER gone_wrong SET EXPRESSION AS (status IN ('bounced', 'failed'))",
     "column outreach.messages.gone_wrong is generated as false"),
    ("tables and columns", "ALTER TABLE companies ADD colour text",
     "ALTER TABLE companies DROP colour", "column crm.companies.colour belongs to no field"),
    ("tables and columns", "ALTER TABLE companies RENAME city TO town",
     "ALTER TABLE companies RENAME town TO city", "column crm.companies.city is missing"),
    ("composite keys",
     "ALTER TABLE audit_events DROP CONSTRAINT audit_events_pkey, ADD PRIMARY KEY (id)",
     "ALTER TABLE audit_events DROP CONSTRAINT audit_events_pkey,"
     " ADD PRIMARY KEY (organisation_id, id)",
     "the key of iam.audit_events is (id), not (organisation_id, id)"),
    ("composite keys", "ALTER TABLE audit_events DROP CONSTRAINT audit_events_pkey",
     "ALTER TABLE audit_events ADD PRIMARY KEY (organisation_id, id)",
     "the key of iam.audit_events is none"),
    ("organisation-first indexes", "CREATE INDEX stray ON companies (name)", "DROP INDEX stray",
     "crm.companies: the index stray begins with name"),
    ("organisation-first indexes", "DROP INDEX companies_domain",
     "CREATE INDEX companies_domain ON companies (organisation_id, domain)",
     "the index companies_domain is missing"),
    ("organisation-first indexes",
     "DROP INDEX tasks_waiting; CREATE INDEX tasks_waiting"
     " ON tasks (organisation_id, scheduled_for, id) WHERE status = 'sent'",
     "DROP INDEX tasks_waiting; CREATE INDEX tasks_waiting"
     " ON tasks (organisation_id, scheduled_for, id) WHERE status IN ('scheduled', 'deferred')",
     "the index tasks_waiting is (organisation_id, scheduled_for, id) WHERE"),
    ("triggers and checks",
     "DROP TRIGGER campaigns_mailbox_changed ON campaigns; CREATE TRIGGER campaigns_mailbox_changed"
     " AFTER UPDATE OF name ON campaigns FOR EACH ROW EXECUTE FUNCTION outreach.follow_campaign()",
     "DROP TRIGGER campaigns_mailbox_changed ON campaigns; CREATE TRIGGER campaigns_mailbox_changed"
     " AFTER UPDATE OF from_mailbox_id ON campaigns"
     " FOR EACH ROW EXECUTE FUNCTION outreach.follow_campaign()",
     "the trigger campaigns_mailbox_changed fires at other times than its model says"),
    ("organisation-first indexes",
     "ALTER TABLE positions DROP CONSTRAINT positions_once, ADD CONSTRAINT positions_once"
     " UNIQUE (organisation_id, company_id, person_id, email)",
     "ALTER TABLE positions DROP CONSTRAINT positions_once, ADD CONSTRAINT positions_once"
     " UNIQUE NULLS NOT DISTINCT (organisation_id, company_id, person_id, email)",
     "positions_once is unique (organisation_id, company_id, person_id, email), not unique"),
    ("composite foreign keys",
     "ALTER TABLE messages DROP CONSTRAINT messages_position_of_enrollment",
     "ALTER TABLE messages ADD CONSTRAINT messages_position_of_enrollment"
     " FOREIGN KEY (organisation_id, enrollment_id, position_id) REFERENCES campaign_enrollments"
     " (organisation_id, id, position_id) ON DELETE SET NULL (enrollment_id)"
     " DEFERRABLE INITIALLY DEFERRED",
     "missing: outreach.messages (organisation_id, enrollment_id, position_id)"),
    ("composite foreign keys",
     "ALTER TABLE messages DROP CONSTRAINT messages_position_of_enrollment,"
     " ADD CONSTRAINT messages_position_of_enrollment"
     " FOREIGN KEY (organisation_id, enrollment_id, position_id) REFERENCES campaign_enrollments"
     " (organisation_id, id, position_id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED",
     "ALTER TABLE messages DROP CONSTRAINT messages_position_of_enrollment,"
     " ADD CONSTRAINT messages_position_of_enrollment"
     " FOREIGN KEY (organisation_id, enrollment_id, position_id) REFERENCES campaign_enrollments"
     " (organisation_id, id, position_id) ON DELETE SET NULL (enrollment_id)"
     " DEFERRABLE INITIALLY DEFERRED",
     "(organisation_id, id, position_id) ON DELETE SET NULL\n"),
    ("composite foreign keys",
     "ALTER TABLE messages ALTER CONSTRAINT messages_position_of_enrollment NOT DEFERRABLE",
     "ALTER TABLE messages ALTER CONSTRAINT messages_position_of_enrollment"
     " DEFERRABLE INITIALLY DEFERRED",
     "messages_position_of_enrollment is not DEFERRABLE"),
    ("composite foreign keys",
     "ALTER TABLE messages ALTER CONSTRAINT messages_position_of_enrollment NOT ENFORCED",
     "ALTER TABLE messages ALTER CONSTRAINT messages_position_of_enrollment ENFORCED",
     "messages_position_of_enrollment is not validated or not enforced"),
    ("policies", "DROP POLICY tenant_isolation ON companies",
     f"CREATE POLICY tenant_isolation ON companies USING {KNOWN}",
     "crm.companies has no policy tenant_isolation"),
    ("policies", "ALTER TABLE companies NO FORCE ROW LEVEL SECURITY",
     "ALTER TABLE companies FORCE ROW LEVEL SECURITY", "crm.companies does not FORCE"),
    ("policies", "ALTER TABLE companies DISABLE ROW LEVEL SECURITY",
     "ALTER TABLE companies ENABLE ROW LEVEL SECURITY", "crm.companies has row-level security"),
    ("policies", "CREATE POLICY door ON companies USING (true)", "DROP POLICY door ON companies",
     "crm.companies has the further policy door"),
    ("policies", POLICY.format(f"{KNOWN} OR name = 'everybody'"),
     POLICY.format(KNOWN), "crm.companies has a tenant_isolation of another form"),
    ("policies", "ALTER POLICY tenant_isolation ON companies WITH CHECK (true)",
     "DROP POLICY tenant_isolation ON companies;"
     f"CREATE POLICY tenant_isolation ON companies USING {KNOWN}",
     "crm.companies has a tenant_isolation with a check of its own: true"),
    ("policies", "ALTER POLICY tenant_isolation ON companies TO prospectflow_owner",
     "ALTER POLICY tenant_isolation ON companies TO PUBLIC",
     "crm.companies has a tenant_isolation that is not permissive for every command and role"),
    ("isolation", POLICY.format("true"), POLICY.format(KNOWN),
     "crm.companies: a row of another organisation is seen"),
    ("isolation", "ALTER POLICY tenant_isolation ON companies WITH CHECK (true)",
     "DROP POLICY tenant_isolation ON companies;"
     f"CREATE POLICY tenant_isolation ON companies USING {KNOWN}",
     "crm.companies: a row can be given to another organisation"),
    ("missing setting", "ALTER TABLE suppressions DISABLE ROW LEVEL SECURITY",
     "ALTER TABLE suppressions ENABLE ROW LEVEL SECURITY",
     "accepted with the setting '   ': SELECT FROM outreach.suppressions"),
    ("missing setting",
     "ALTER POLICY tenant_isolation ON suppressions USING (organisation_id ="
     " nullif(current_setting('app.organisation_id', true), '')::uuid)",
     f"ALTER POLICY tenant_isolation ON suppressions USING {KNOWN}",
     "accepted with the setting '': DELETE FROM outreach.suppressions"),
    ("roles and grants", "GRANT TRUNCATE ON companies TO prospectflow_app",
     "REVOKE TRUNCATE ON companies FROM prospectflow_app",
     "the serving role has TRUNCATE on crm.companies"),
    ("roles and grants", "GRANT UPDATE (description) ON audit_events TO PUBLIC",
     "REVOKE UPDATE (description) ON audit_events FROM PUBLIC",
     "the serving role has UPDATE on iam.audit_events"),
    ("roles and grants", "GRANT DELETE ON audit_events TO prospectflow_app",
     "REVOKE DELETE ON audit_events FROM prospectflow_app",
     "the serving role has DELETE on iam.audit_events"),
    ("roles and grants", "REVOKE DELETE ON companies FROM prospectflow_app",
     "GRANT DELETE ON companies TO prospectflow_app",
     "the serving role lacks DELETE on crm.companies"),
    ("roles and grants", "ALTER TABLE companies OWNER TO prospectflow_app",
     "ALTER TABLE companies OWNER TO prospectflow_owner;"
     "GRANT SELECT, INSERT, UPDATE, DELETE ON companies TO prospectflow_app",
     "owns the tenant table companies"),
    ("roles and grants", f"GRANT CREATE ON DATABASE {DATABASE} TO prospectflow_app",
     f"REVOKE CREATE ON DATABASE {DATABASE} FROM prospectflow_app",
     "the serving role may make schemas"),
    ("roles and grants", "GRANT EXECUTE ON FUNCTION iam.places_of(uuid, timestamptz) TO PUBLIC",
     "REVOKE EXECUTE ON FUNCTION iam.places_of(uuid, timestamptz) FROM PUBLIC",
     "places_of(uuid,timestamp with time zone) is SECURITY DEFINER and may be called by PUBLIC"),
    ("roles and grants", "ALTER FUNCTION iam.places_of(uuid, timestamptz) RESET search_path",
     "ALTER FUNCTION iam.places_of(uuid, timestamptz) SET search_path = pg_catalog, pg_temp",
     "places_of(uuid,timestamp with time zone) is SECURITY DEFINER without a fixed search_path"
     " that ends in pg_temp"),
    ("roles and grants",
     "ALTER FUNCTION iam.places_of(uuid, timestamptz) SET search_path = pg_catalog",
     "ALTER FUNCTION iam.places_of(uuid, timestamptz) SET search_path = pg_catalog, pg_temp",
     "places_of(uuid,timestamp with time zone) is SECURITY DEFINER without a fixed search_path"
     " that ends in pg_temp"),
    ("roles and grants",
     "ALTER FUNCTION iam.places_of(uuid, timestamptz) SET search_path = pg_catalog, pg_temp, iam",
     "ALTER FUNCTION iam.places_of(uuid, timestamptz) SET search_path = pg_catalog, pg_temp",
     "places_of(uuid,timestamp with time zone) is SECURITY DEFINER without a fixed search_path"),
    ("roles and grants", "ALTER FUNCTION set_updated_at() RESET search_path",
     "ALTER FUNCTION set_updated_at() SET search_path = pg_catalog, pg_temp",
     "set_updated_at() is a trigger function without a fixed search_path that ends in pg_temp"),
    ("roles and grants",
     "ALTER FUNCTION procrastinate_unlink_periodic_defers_v1() RESET search_path",
     "ALTER FUNCTION procrastinate_unlink_periodic_defers_v1()"
     " SET search_path = pg_catalog, public, pg_temp",
     "procrastinate_unlink_periodic_defers_v1() is a trigger function without a fixed"),
    ("roles and grants", "GRANT DELETE ON procrastinate_events TO prospectflow_app",
     "REVOKE DELETE ON procrastinate_events FROM prospectflow_app",
     "the serving role has DELETE on public.procrastinate_events"),
    ("roles and grants", f"REVOKE TEMPORARY ON DATABASE {DATABASE} FROM prospectflow_app",
     f"GRANT TEMPORARY ON DATABASE {DATABASE} TO prospectflow_app",
     "the serving role may make no temporary tables"),
    ("triggers and checks", "ALTER TABLE drafts DISABLE TRIGGER drafts_change_unapproves",
     "ALTER TABLE drafts ENABLE TRIGGER drafts_change_unapproves",
     "outreach.drafts: the trigger drafts_change_unapproves is disabled"),
    ("triggers and checks", "DROP TRIGGER companies_updated_at ON companies",
     "CREATE TRIGGER companies_updated_at BEFORE UPDATE ON companies"
     " FOR EACH ROW EXECUTE FUNCTION set_updated_at()",
     "crm.companies: the trigger companies_updated_at is missing"),
    ("triggers and checks",
     "CREATE OR REPLACE TRIGGER companies_updated_at BEFORE INSERT ON companies"
     " FOR EACH ROW EXECUTE FUNCTION set_updated_at()",
     "CREATE OR REPLACE TRIGGER companies_updated_at BEFORE UPDATE ON companies"
     " FOR EACH ROW EXECUTE FUNCTION set_updated_at()",
     "the trigger companies_updated_at fires at other times than its model says"),
    ("triggers and checks", "DROP TRIGGER campaigns_audited ON campaigns",
     "CREATE TRIGGER campaigns_audited AFTER INSERT OR UPDATE OR DELETE ON campaigns FOR EACH ROW"
     " EXECUTE FUNCTION iam.write_audit_event('outreach.campaign', '', '')",
     "outreach.campaigns: the trigger campaigns_audited is missing"),
    ("triggers and checks", "ALTER TABLE operator_entries DISABLE TRIGGER operator_entries_audited",
     "ALTER TABLE operator_entries ENABLE TRIGGER operator_entries_audited",
     "iam.operator_entries: the trigger operator_entries_audited is disabled"),
    ("triggers and checks",
     "CREATE OR REPLACE TRIGGER suppressions_audited AFTER INSERT OR UPDATE OR DELETE"
     " ON suppressions FOR EACH ROW"
     " EXECUTE FUNCTION iam.write_audit_event('outreach.suppression', 'reason,source', '')",
     "CREATE OR REPLACE TRIGGER suppressions_audited AFTER INSERT OR UPDATE OR DELETE"
     " ON suppressions FOR EACH ROW"
     " EXECUTE FUNCTION iam.write_audit_event('outreach.suppression', '', '')",
     "the trigger suppressions_audited is told ('outreach.suppression', 'reason,source', ''),"
     " not ('outreach.suppression', '', '')"),
    ("triggers and checks", "ALTER TABLE phones DISABLE TRIGGER ALL",
     "ALTER TABLE phones ENABLE TRIGGER ALL", "crm.phones: the triggers of the reference"),
    ("triggers and checks",
     "ALTER TABLE campaigns DROP CONSTRAINT campaigns_name_not_blank",
     r"ALTER TABLE campaigns ADD CONSTRAINT campaigns_name_not_blank CHECK (name ~ '\S')",
     "outreach.campaigns: the check campaigns_name_not_blank is missing"),
    ("triggers and checks",
     "ALTER TABLE campaigns DROP CONSTRAINT campaigns_name_not_blank,"
     " ADD CONSTRAINT campaigns_name_not_blank CHECK (name <> '')",
     "ALTER TABLE campaigns DROP CONSTRAINT campaigns_name_not_blank,"
     r" ADD CONSTRAINT campaigns_name_not_blank CHECK (name ~ '\S')",
     "the check campaigns_name_not_blank says something else"),
    ("triggers and checks",
     "ALTER TABLE campaigns DROP CONSTRAINT campaigns_name_not_blank,"
     r" ADD CONSTRAINT campaigns_name_not_blank CHECK (name ~ '\S') NOT VALID",
     "ALTER TABLE campaigns VALIDATE CONSTRAINT campaigns_name_not_blank",
     "the check campaigns_name_not_blank is not validated"),
    ("migrations",
     "DELETE FROM django_migrations WHERE app = 'tracking' AND name = '0001_initial'",
     "INSERT INTO django_migrations (app, name, applied)"
     " VALUES ('tracking', '0001_initial', now())",
     "tracking.0001_initial is not applied"),
    ("migrations",
     "INSERT INTO django_migrations (app, name, applied) VALUES ('crm', '9999_tomorrow', now())",
     "DELETE FROM django_migrations WHERE name = '9999_tomorrow'",
     "crm.9999_tomorrow is applied, but this version of the code has no such migration"),
    ("server", f"ALTER ROLE prospectflow_app IN DATABASE {DATABASE} SET search_path = public",
     f"ALTER ROLE prospectflow_app IN DATABASE {DATABASE} RESET search_path",
     "search_path is 'public'"),
    ("server", f"ALTER ROLE prospectflow_app IN DATABASE {DATABASE} SET jit = on",
     f"ALTER ROLE prospectflow_app IN DATABASE {DATABASE} RESET jit", "jit is 'on', not 'off'"),
    ("server",
     f"ALTER ROLE prospectflow_app IN DATABASE {DATABASE} SET max_parallel_workers_per_gather = 2",
     f"ALTER ROLE prospectflow_app IN DATABASE {DATABASE} RESET max_parallel_workers_per_gather",
     "max_parallel_workers_per_gather is '2', not '0'"),
    ("server", f"ALTER DATABASE {DATABASE} SET row_security = off",
     f"ALTER DATABASE {DATABASE} RESET row_security", "row_security is 'off', not 'on'"),
    ("server", "ALTER FUNCTION search.ilike_lp(text, text) NOT LEAKPROOF",
     "ALTER FUNCTION search.ilike_lp(text, text) LEAKPROOF", "not the leakproof search.ilike_lp"),
    ("server", "ALTER EXTENSION btree_gin SET SCHEMA public",
     "ALTER EXTENSION btree_gin SET SCHEMA extensions",
     "the extension btree_gin is not in the schema extensions: public"),
]  # fmt: skip
