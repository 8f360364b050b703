-- Roles and database of a production installation. Run once, as a superuser, by psql:
--
--   psql -v engine_password="$ENGINE_PASSWORD" -v app_password="$APP_PASSWORD" -f deploy/roles.sql postgres
--
-- sluice_owner   owns the schema and runs `workerctl migrate`; cannot log in by itself
-- sluice_engine  coordinators, workers and operators: sees every tenant, through row-level security
-- sluice_app     your applications: sees the tenant that its session names, and nothing without one
\set ON_ERROR_STOP on

SELECT 'CREATE ROLE sluice_owner NOLOGIN NOSUPERUSER NOBYPASSRLS'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sluice_owner') \gexec
SELECT 'CREATE ROLE sluice_engine LOGIN NOSUPERUSER NOBYPASSRLS'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sluice_engine') \gexec
SELECT 'CREATE ROLE sluice_app LOGIN NOSUPERUSER NOBYPASSRLS'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sluice_app') \gexec

ALTER ROLE sluice_engine PASSWORD :'engine_password';
ALTER ROLE sluice_app PASSWORD :'app_password';
-- The engine serves every tenant. Row-level security is forced, so it binds the owner and the engine as well; this
-- setting is what lets them pass. A role's own default survives poolers, which a session's SET does not.
ALTER ROLE sluice_engine SET sluice.tenant = '*';
GRANT sluice_owner TO sluice_engine;

SELECT 'CREATE DATABASE sluice OWNER sluice_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'sluice') \gexec

\connect sluice
-- Not a trusted extension: only a superuser can create it, so migrations expect it here.
CREATE EXTENSION IF NOT EXISTS vector SCHEMA public;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CREATE, USAGE ON SCHEMA public TO sluice_owner;
GRANT CONNECT ON DATABASE sluice TO sluice_engine, sluice_app;
GRANT CREATE ON DATABASE sluice TO sluice_owner;
-- Whatever the migrations create, made by the engine in the owner's name, is within the reach of both.
ALTER ROLE sluice_engine IN DATABASE sluice SET role = 'sluice_owner';
ALTER DEFAULT PRIVILEGES FOR ROLE sluice_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO sluice_engine;
ALTER DEFAULT PRIVILEGES FOR ROLE sluice_owner GRANT USAGE ON SEQUENCES TO sluice_engine;
