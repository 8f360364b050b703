-- What applications say of documents, for filters and access, and an index of it that row-level security lets be used.
-- Locks: ACCESS EXCLUSIVE on documents while their facets are filled in, about a second for 100,000 documents. Safe on a full
-- database: yes.

ALTER TABLE documents
    ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    ADD COLUMN tags text[] NOT NULL DEFAULT '{}',
    -- Who may find it; NULL: everyone of the tenant.
    ADD COLUMN principals text[];

-- What a document can be found by, as 64-bit hashes seeded by tenant and index, as the words of chunks are and for the same reason:
-- hence no tenant_id and no policy. A facet only narrows; what it finds is compared with the document's own row.
CREATE TABLE document_facets (
    document_id bigint PRIMARY KEY REFERENCES documents ON DELETE CASCADE,
    facets bigint[] NOT NULL
);
CREATE INDEX document_facets_idx ON document_facets USING gin (facets);

-- Sorts: t a tag, p a principal, f a field that is there, v a field's value.
CREATE FUNCTION sluice_facet(tenant text, index bigint, sort text, name text, value jsonb) RETURNS bigint
IMMUTABLE LANGUAGE sql AS $$
    SELECT hashtextextended(
        concat_ws(E'\x01', sort, name, CASE jsonb_typeof(value)
            WHEN 'number' THEN 'n' || trim_scale((value #>> '{}')::numeric)
            WHEN 'string' THEN 's' || (value #>> '{}')
            ELSE value::text END),
        hashtextextended(tenant, index)
    )
$$;

-- Of a filter: constant for the planner, which so knows how common they are.
CREATE FUNCTION sluice_facets_of(tenant text, index bigint, sorts text[], names text[], vals text[]) RETURNS bigint[]
IMMUTABLE LANGUAGE sql AS $$
    SELECT coalesce(array_agg(sluice_facet(tenant, index, sort, name, val::jsonb)), '{}')
    FROM unnest(sorts, names, vals) AS given (sort, name, val)
$$;

CREATE FUNCTION sluice_document_facets(
    tenant text, index bigint, metadata jsonb, tags text[], principals text[]
) RETURNS bigint[] IMMUTABLE LANGUAGE sql AS $$
    SELECT array_agg(DISTINCT facet) FROM (
        SELECT sluice_facet(tenant, index, 't', tag, NULL) AS facet FROM unnest(tags) AS tag
        UNION ALL
        SELECT sluice_facet(tenant, index, 'p', principal, NULL)
        FROM unnest(coalesce(principals, '{*}')) AS principal
        UNION ALL
        SELECT sluice_facet(tenant, index, 'f', key, NULL) FROM jsonb_each(metadata) WHERE value <> 'null'
        UNION ALL
        SELECT sluice_facet(tenant, index, 'v', key, single)
        FROM jsonb_each(metadata) CROSS JOIN LATERAL jsonb_array_elements(
            CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE jsonb_build_array(value) END
        ) AS single
        WHERE jsonb_typeof(single) NOT IN ('object', 'array')
    ) AS all_facets
$$;

CREATE FUNCTION sluice_add_facets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO document_facets (document_id, facets)
    VALUES (
        NEW.id, coalesce(sluice_document_facets(NEW.tenant_id, NEW.index_id, NEW.metadata, NEW.tags, NEW.principals), '{}')
    )
    ON CONFLICT (document_id) DO UPDATE SET facets = EXCLUDED.facets;
    RETURN NULL;
END $$;
CREATE TRIGGER documents_facets AFTER INSERT ON documents FOR EACH ROW EXECUTE FUNCTION sluice_add_facets();
CREATE TRIGGER documents_facets_changed AFTER UPDATE OF metadata, tags, principals ON documents
    FOR EACH ROW WHEN ((OLD.metadata, OLD.tags, OLD.principals) IS DISTINCT FROM (NEW.metadata, NEW.tags, NEW.principals))
    EXECUTE FUNCTION sluice_add_facets();
INSERT INTO document_facets (document_id, facets)
SELECT id, sluice_document_facets(tenant_id, index_id, metadata, tags, principals) FROM documents;
