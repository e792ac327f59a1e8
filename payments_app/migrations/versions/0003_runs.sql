-- What the audit and the reconciliation found each time they ran: a page and an alarm read the newest
-- row, and whoever asks "since when?" reads the others. Kept for 90 days (services/check_runs.py).

CREATE TABLE audit_runs (
    id text DEFAULT new_id('aud') NOT NULL,
    actor text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz DEFAULT now() NOT NULL,
    ok boolean,
    findings jsonb NOT NULL,
    trouble text,
    CONSTRAINT audit_runs_pkey PRIMARY KEY (id)
);

CREATE INDEX audit_runs_finished_idx ON audit_runs (finished_at);

CREATE TABLE reconciliation_runs (
    id text DEFAULT new_id('rec') NOT NULL,
    actor text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz DEFAULT now() NOT NULL,
    lines bigint NOT NULL,
    compared bigint NOT NULL,
    found bigint NOT NULL,
    repaired bigint NOT NULL,
    left_open bigint NOT NULL,
    kinds jsonb NOT NULL,
    trouble text,
    CONSTRAINT reconciliation_runs_pkey PRIMARY KEY (id)
);

CREATE INDEX reconciliation_runs_finished_idx ON reconciliation_runs (finished_at);
