-- The roles, the database, its extensions and search operators: everything that needs a superuser, once.
--
--   psql -X -v ON_ERROR_STOP=1 -f bootstrap.sql
--
-- Takes the psql variables owner_password, app_password, database (default: prospectflow) and, where
-- a replica is to follow, replication_password; or the environment variables below. Run again, it
-- repairs what differs and changes nothing else.
-- The schemas iam, crm, outreach and tracking are not made here: the migrations make them.
-- objects.psql must stand beside this file.
\set ON_ERROR_STOP on
\getenv owner_password PROSPECTFLOW_OWNER_PASSWORD
\getenv app_password PROSPECTFLOW_APP_PASSWORD
\getenv replication_password PROSPECTFLOW_REPLICATION_PASSWORD
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
-- Two bootstraps at once would trip over the rows of these roles, and over the template.
SELECT pg_advisory_lock(hashtext('prospectflow bootstrap')) \g /dev/null
BEGIN;
SELECT format('CREATE ROLE %I', name)
FROM (VALUES ('prospectflow_owner'), ('prospectflow_app')) AS wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

-- Owns schemas and tables, migrates, backs up and restores; BYPASSRLS, since PostgreSQL checks a
-- new foreign key through the policies. It serves nobody. A restore fills a new database, and ends
-- the sessions of the one that it replaces.
ALTER ROLE prospectflow_owner LOGIN NOSUPERUSER BYPASSRLS CREATEDB NOCREATEROLE NOREPLICATION NOINHERIT
    PASSWORD :'owner_password';
GRANT pg_signal_backend TO prospectflow_owner WITH INHERIT TRUE, SET FALSE;
-- Serves: owns nothing, and no policy lets it by.
ALTER ROLE prospectflow_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION NOINHERIT
    PASSWORD :'app_password';

\if :{?replication_password}
    SELECT 'CREATE ROLE prospectflow_replication'
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'prospectflow_replication') \gexec
    -- Copies the server to a replica, and may connect to no database.
    ALTER ROLE prospectflow_replication LOGIN REPLICATION NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE
        NOINHERIT PASSWORD :'replication_password';
\endif

-- On the role, since a pooler in transaction mode passes on no connection options.
ALTER ROLE prospectflow_owner SET search_path = public, iam, crm, outreach, tracking, extensions;
ALTER ROLE prospectflow_app SET search_path = public, iam, crm, outreach, tracking, extensions;
ALTER ROLE prospectflow_app SET jit = off;
-- A page is read by one process: starting others costs more than they save, and takes their turn.
ALTER ROLE prospectflow_app SET max_parallel_workers_per_gather = 0;
ALTER ROLE prospectflow_app SET statement_timeout = '60s';
ALTER ROLE prospectflow_app SET idle_in_transaction_session_timeout = '5min';
COMMIT;

-- 2. Databases -------------------------------------------------------------------------------
-- The one that serves, and one that stays as it is: every restore begins with a copy of it.
SELECT format(
    'CREATE DATABASE %I OWNER %I TEMPLATE template0'
    ' ENCODING ''UTF8'' LOCALE_PROVIDER builtin BUILTIN_LOCALE ''C.UTF-8'' LOCALE ''C''',
    name, owner)
FROM (VALUES (:'database', 'prospectflow_owner'), ('prospectflow_template', current_user))
    AS wanted (name, owner)
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec

ALTER DATABASE prospectflow_template IS_TEMPLATE true;
REVOKE ALL ON DATABASE :"database", prospectflow_template FROM PUBLIC;
-- Imports are prepared in temporary tables; they end with their session, and hide no real one from
-- what runs with the owner's rights.
GRANT CONNECT, TEMPORARY ON DATABASE :"database" TO prospectflow_app;

\connect prospectflow_template
\ir objects.psql
\connect :"database"
\ir objects.psql
