-- What readers ask, of indexes whose operator wants it kept: questions that gates ask again.
-- Locks: none on existing tables. Safe on a full database: yes.

-- An index without a row here keeps nothing.
CREATE TABLE question_logs (
    index_id bigint PRIMARY KEY REFERENCES indexes ON DELETE CASCADE,
    -- Of a hundred questions.
    percent integer NOT NULL CHECK (percent BETWEEN 1 AND 100),
    -- Different questions of a tenant on one day, by UTC, at most.
    per_day integer NOT NULL CHECK (per_day BETWEEN 1 AND 100000),
    -- For how many days they are kept.
    days integer NOT NULL CHECK (days BETWEEN 1 AND 3650),
    changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE questions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    index_id bigint NOT NULL REFERENCES question_logs ON DELETE CASCADE,
    tenant_id text NOT NULL REFERENCES tenants,
    -- By UTC.
    day date NOT NULL,
    query text NOT NULL,
    -- How it was asked first that day.
    mode text NOT NULL,
    -- How often it was drawn that day.
    asked integer NOT NULL DEFAULT 1
);
SELECT sluice_isolate('questions');
CREATE UNIQUE INDEX questions_day_idx ON questions (tenant_id, index_id, day, hashtextextended(query, 0));
CREATE INDEX questions_index_idx ON questions (index_id, day);
