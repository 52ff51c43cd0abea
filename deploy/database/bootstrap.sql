-- The roles, the database, its extensions and search operators: everything that needs a superuser, once.
--
--   psql -X -v ON_ERROR_STOP=1 -f bootstrap.sql
--
-- Takes the psql variables owner_password, app_password and database (default: prospectflow), or the
-- environment variables below. Run again, it repairs what differs and changes nothing else.
-- The schemas iam, crm, outreach and tracking are not made here: the migrations make them.
\set ON_ERROR_STOP on
\getenv owner_password PROSPECTFLOW_OWNER_PASSWORD
\getenv app_password PROSPECTFLOW_APP_PASSWORD
\getenv database PROSPECTFLOW_DATABASE
\if :{?database}
\else
    \set database prospectflow
\endif
\if :{?owner_password}
\else
    DO $$ BEGIN RAISE EXCEPTION 'Set PROSPECTFLOW_OWNER_PASSWORD, the password of prospectflow_owner.'; END $$;
\endif
\if :{?app_password}
\else
    DO $$ BEGIN RAISE EXCEPTION 'Set PROSPECTFLOW_APP_PASSWORD, the password of prospectflow_app.'; END $$;
\endif

SET client_min_messages = warning;
-- Otherwise pg_stat_statements would keep the two passwords in clear.
SET pg_stat_statements.track_utility = off;

-- 1. Roles -----------------------------------------------------------------------------------
BEGIN;
-- Two bootstraps at once would trip over the rows of these roles.
SELECT pg_advisory_xact_lock(hashtext('prospectflow bootstrap')) \g /dev/null

SELECT format('CREATE ROLE %I', name)
FROM (VALUES ('prospectflow_owner'), ('prospectflow_app')) AS wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

-- Owns schemas and tables, migrates, backs up and restores; BYPASSRLS, since PostgreSQL checks a
-- new foreign key through the policies. It serves nobody.
ALTER ROLE prospectflow_owner LOGIN NOSUPERUSER BYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION NOINHERIT
    PASSWORD :'owner_password';
-- Serves: owns nothing, and no policy lets it by.
ALTER ROLE prospectflow_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION NOINHERIT
    PASSWORD :'app_password';

-- On the role, since a pooler in transaction mode passes on no connection options.
ALTER ROLE prospectflow_owner SET search_path = public, iam, crm, outreach, tracking, extensions;
ALTER ROLE prospectflow_app SET search_path = public, iam, crm, outreach, tracking, extensions;
ALTER ROLE prospectflow_app SET jit = off;
-- A page is read by one process: starting others costs more than they save, and takes their turn.
ALTER ROLE prospectflow_app SET max_parallel_workers_per_gather = 0;
ALTER ROLE prospectflow_app SET statement_timeout = '60s';
ALTER ROLE prospectflow_app SET idle_in_transaction_session_timeout = '5min';
COMMIT;

-- 2. Database --------------------------------------------------------------------------------
SELECT format(
    'CREATE DATABASE %I OWNER prospectflow_owner TEMPLATE template0'
    ' ENCODING ''UTF8'' LOCALE_PROVIDER builtin BUILTIN_LOCALE ''C.UTF-8'' LOCALE ''C''',
    :'database')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec

REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
-- Imports are prepared in temporary tables; they end with their session, and hide no real one from
-- what runs with the owner's rights.
GRANT CONNECT, TEMPORARY ON DATABASE :"database" TO prospectflow_app;

\connect :"database"
SET client_min_messages = warning;
SET pg_stat_statements.track_utility = off;

BEGIN;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO prospectflow_owner;
GRANT USAGE ON SCHEMA public TO prospectflow_app;

-- 3. Extensions ------------------------------------------------------------------------------
CREATE SCHEMA IF NOT EXISTS extensions;
GRANT USAGE ON SCHEMA extensions TO prospectflow_owner, prospectflow_app;
CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS btree_gin SCHEMA extensions;
SELECT 'CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA extensions'
WHERE current_setting('shared_preload_libraries') LIKE '%pg_stat_statements%' \gexec

-- 4. Search operators ------------------------------------------------------------------------
-- Row-level security lets a condition reach an index only if its function is LEAKPROOF, and LIKE
-- and ILIKE are not marked so. These are the same functions of PostgreSQL under names of our own,
-- so marked (only a superuser may), with a trigram operator class to index them:
--
--   CREATE INDEX ON crm.companies USING gin (organisation_id, name search.gin_trgm_lp);
--   SELECT ... WHERE name OPERATOR(search.~~~*) '%dupont%'
CREATE SCHEMA IF NOT EXISTS search;
GRANT USAGE ON SCHEMA search TO prospectflow_owner, prospectflow_app;

CREATE OR REPLACE FUNCTION search.ilike_lp(text, text) RETURNS boolean
    LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'texticlike';
CREATE OR REPLACE FUNCTION search.like_lp(text, text) RETURNS boolean
    LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'textlike';
REVOKE ALL ON FUNCTION search.ilike_lp(text, text), search.like_lp(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search.ilike_lp(text, text), search.like_lp(text, text)
    TO prospectflow_owner, prospectflow_app;

SELECT 'CREATE OPERATOR search.~~~* (LEFTARG = text, RIGHTARG = text, FUNCTION = search.ilike_lp,'
    ' RESTRICT = iclikesel, JOIN = iclikejoinsel)'
WHERE to_regoperator('search.~~~*(text,text)') IS NULL \gexec
SELECT 'CREATE OPERATOR search.~~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = search.like_lp,'
    ' RESTRICT = likesel, JOIN = likejoinsel)'
WHERE to_regoperator('search.~~~(text,text)') IS NULL \gexec

SELECT $create$
    CREATE OPERATOR CLASS search.gin_trgm_lp FOR TYPE text USING gin AS
        OPERATOR 3 search.~~~ (text, text),
        OPERATOR 4 search.~~~* (text, text),
        FUNCTION 1 btint4cmp (int4, int4),
        FUNCTION 2 extensions.gin_extract_value_trgm (text, internal),
        FUNCTION 3 extensions.gin_extract_query_trgm
            (text, internal, int2, internal, internal, internal, internal),
        FUNCTION 4 extensions.gin_trgm_consistent
            (internal, int2, text, int4, internal, internal, internal, internal),
        FUNCTION 6 extensions.gin_trgm_triconsistent
            (internal, int2, text, int4, internal, internal, internal),
        STORAGE int4
$create$
WHERE NOT EXISTS (
    SELECT FROM pg_opclass
    WHERE opcname = 'gin_trgm_lp' AND opcnamespace = 'search'::regnamespace
) \gexec
COMMIT;
