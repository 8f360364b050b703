-- The right to be forgotten: what is being erased, and the receipts of what was.
-- Locks: SHARE on batch_documents while its index is built: requests to ingest wait for seconds when it holds millions of rows.
-- Safe on a full database: yes.

CREATE TABLE erasures (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope text NOT NULL CHECK (scope IN ('tenant', 'document')),
    -- SHA-256 of the salt and of the name that was erased: whoever knows a name can show that it was, nobody can read it here.
    salt bytea NOT NULL,
    subject bytea NOT NULL,
    -- In the clear only while it is under way: the tombstone that keeps new tasks and ingests away.
    tenant_id text,
    document_id bigint,
    uri text,
    -- user@host, as the operator's machine says.
    who text NOT NULL,
    task_id bigint,
    requested_at timestamptz NOT NULL DEFAULT now(),
    -- Transactions older than this one may not know of it: nothing is called erased while one of them is open.
    requested_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    -- When all tables had been gone through once.
    passed_at timestamptz,
    completed_at timestamptz,
    -- Rows removed or emptied so far, by table.
    counts jsonb NOT NULL DEFAULT '{}',
    CHECK ((completed_at IS NULL) = (tenant_id IS NOT NULL)),
    CHECK ((scope = 'document' AND completed_at IS NULL) = (document_id IS NOT NULL AND uri IS NOT NULL)),
    CHECK (tenant_id IS DISTINCT FROM 'default' OR scope = 'document')
);
SELECT sluice_isolate('erasures');
CREATE UNIQUE INDEX erasures_open_idx ON erasures (tenant_id, coalesce(document_id, 0)) WHERE completed_at IS NULL;

-- A document that is deleted looks here for rows that refer to it.
CREATE INDEX batch_documents_document_idx ON batch_documents (document_id);

-- Adds to an erasure's count of one table.
CREATE FUNCTION sluice_count_erased(erasure bigint, name text, added bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE erasures SET counts = counts || jsonb_build_object(name, coalesce((counts ->> name)::bigint, 0) + added)
    WHERE id = erasure AND added > 0
$$;

-- True, or an error when one of the tenants is being erased. With its owner's rights: applications that may enqueue do not see
-- erasures. Stable and without a column in its argument, so a statement asks once, however many rows it stores.
CREATE FUNCTION sluice_admit(tenants text[]) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (
        SELECT FROM erasures WHERE completed_at IS NULL AND scope = 'tenant' AND tenant_id = ANY (tenants)
    ) THEN
        RAISE EXCEPTION 'sluice: the tenant is being erased' USING ERRCODE = 'SLE01',
            HINT = 'Nothing can be stored for it until the erasure is complete: workerctl erasures ls.';
    END IF;
    RETURN true;
END $$;
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION sluice_admit SET search_path = %I, public, pg_temp', current_schema());
END $$;
