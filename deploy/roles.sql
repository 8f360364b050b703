-- Roles and database of a production installation. Run by a superuser; running it again changes passwords only:
--
--   psql -v engine_password="$ENGINE_PASSWORD" -v reader_password="$READER_PASSWORD" -f deploy/roles.sql postgres
--
-- sluice_engine  coordinators, workers and operators: owns the schema, migrates it, serves every tenant
-- sluice_reader  your applications' searches: reads, and only the rows of the tenant that its session names
-- sluice_enqueuer  applications that call sluice.enqueue() and nothing else; made where enqueuer_password is given
--
-- The enqueuer's privileges are on tables, which are not there yet. After workerctl migrate, once, as sluice_engine:
--
--   SELECT sluice.sluice_grant_enqueue('sluice_enqueuer');      -- or any role of yours
--
-- It grants USAGE on the schema; on tasks SELECT of ids, keys and states (no payload), INSERT, and UPDATE of what replace and
-- reschedule change; on batches SELECT, INSERT and UPDATE of the counters; on dead_letters SELECT and DELETE and on
-- tasks_archive INSERT, for dead letters that a new task of the same key takes over; on kind_defaults SELECT.
--
-- Neither is a superuser nor has BYPASSRLS: row-level security is forced, so it binds the owner too. The tenant is named
-- by the setting sluice.tenant; a role that may run SQL of its choice may set it, so give sluice_reader to code that sets
-- it from its own authentication, never to the tenants themselves.
\set ON_ERROR_STOP on

SELECT 'CREATE ROLE sluice_engine LOGIN NOSUPERUSER NOBYPASSRLS'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sluice_engine') \gexec
SELECT 'CREATE ROLE sluice_reader LOGIN NOSUPERUSER NOBYPASSRLS'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sluice_reader') \gexec
ALTER ROLE sluice_engine PASSWORD :'engine_password';
ALTER ROLE sluice_reader PASSWORD :'reader_password';
\if :{?enqueuer_password}
SELECT 'CREATE ROLE sluice_enqueuer LOGIN NOSUPERUSER NOBYPASSRLS'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sluice_enqueuer') \gexec
ALTER ROLE sluice_enqueuer PASSWORD :'enqueuer_password';
\endif

-- '*' is every tenant. As the role's default it also holds behind a pooler that drops session settings.
ALTER ROLE sluice_engine SET sluice.tenant = '*';
-- A plan cached while the hot table was empty would read all of it when it is full.
ALTER ROLE sluice_engine SET plan_cache_mode = force_custom_plan;
ALTER ROLE sluice_reader SET default_transaction_read_only = on;

SELECT 'CREATE DATABASE sluice OWNER sluice_engine'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'sluice') \gexec
REVOKE ALL ON DATABASE sluice FROM PUBLIC;
GRANT CONNECT ON DATABASE sluice TO sluice_reader;

\connect sluice
-- Not a trusted extension: only a superuser can create it, so the migrations expect to find it.
CREATE EXTENSION IF NOT EXISTS vector SCHEMA public;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA IF NOT EXISTS sluice AUTHORIZATION sluice_engine;
GRANT USAGE ON SCHEMA sluice TO sluice_reader;
\if :{?enqueuer_password}
GRANT CONNECT ON DATABASE sluice TO sluice_enqueuer;
\endif
ALTER DEFAULT PRIVILEGES FOR ROLE sluice_engine IN SCHEMA sluice GRANT SELECT ON TABLES TO sluice_reader;
