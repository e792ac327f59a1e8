-- Where our books and the gateway's export disagree: one row per kind and subject, opened again
-- when it is found again, so that a break keeps its history.

CREATE TABLE reconciliation_breaks (
    id text DEFAULT new_id('brk') NOT NULL,
    kind text NOT NULL,
    subject_id text NOT NULL,
    payment_id text,
    status text NOT NULL,
    ours jsonb NOT NULL,
    theirs jsonb NOT NULL,
    found_at timestamptz DEFAULT now() NOT NULL,
    last_seen_at timestamptz DEFAULT now() NOT NULL,
    times_seen bigint NOT NULL,
    resolved_at timestamptz,
    resolution text,
    version bigint NOT NULL,
    CONSTRAINT reconciliation_breaks_pkey PRIMARY KEY (id),
    CONSTRAINT reconciliation_breaks_kind_subject_id_key UNIQUE (kind, subject_id),
    CONSTRAINT reconciliation_breaks_resolved_check
        CHECK ((status = 'resolved') = (resolved_at IS NOT NULL AND resolution IS NOT NULL)),
    CONSTRAINT reconciliation_breaks_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments (id)
);

CREATE INDEX reconciliation_breaks_payment_id_idx ON reconciliation_breaks (payment_id);

-- The list that a person works through.
CREATE INDEX reconciliation_breaks_open ON reconciliation_breaks (found_at) WHERE status = 'open';

INSERT INTO legal_moves (aggregate, from_state, to_state) VALUES
    ('reconciliation_break', '', 'open'),
    ('reconciliation_break', 'open', 'resolved'),
    ('reconciliation_break', 'resolved', 'open');

CREATE TRIGGER guard_state BEFORE INSERT OR UPDATE OF status ON reconciliation_breaks
    FOR EACH ROW EXECUTE FUNCTION guard_state('reconciliation_break', 'id');
CREATE TRIGGER log_state AFTER INSERT OR UPDATE OF status ON reconciliation_breaks
    FOR EACH ROW EXECUTE FUNCTION log_state('reconciliation_break', 'id');
