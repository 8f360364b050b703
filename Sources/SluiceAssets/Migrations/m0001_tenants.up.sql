-- Tenants and queues, and the rule by which rows are visible.
-- Locks: none on existing tables. Safe on a full database: yes.
--
-- Scope: the setting sluice.tenant names whose rows a session sees: a tenant's id, or '*' for the fleet itself.
-- Unset means nothing. Every table with a tenant_id has forced row-level security on it, which binds the table owner too;
-- only superusers and BYPASSRLS roles pass, so the fleet connects as neither. The setting is read in a sub-select: the
-- planner then evaluates it once a query, not once a row.

CREATE TABLE tenants (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    weight integer NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 1000),
    paused_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO tenants (id) VALUES ('default');
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_scope ON tenants
    USING ((SELECT current_setting('sluice.tenant', true)) IN ('*', id));

CREATE TABLE queues (
    name text PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    paused_at timestamptz,
    pause_reason text,
    -- Tasks that may run at once in the whole fleet; NULL: as many as workers offer.
    max_running integer CHECK (max_running > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO queues (name) VALUES ('ingestion'), ('embedding'), ('maintenance');

-- Puts one table under the rule above. Used by later migrations and for tables of index versions.
CREATE FUNCTION sluice_isolate(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY tenant_scope ON %s USING (tenant_id = (SELECT current_setting(''sluice.tenant'', true)) '
        'OR (SELECT current_setting(''sluice.tenant'', true)) = ''*'')',
        target
    );
END $$;
