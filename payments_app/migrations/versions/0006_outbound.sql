-- What we tell others: one event per committed change of an invoice, payment, refund or dispute, made
-- by the trigger that sees every change, so that no code path can forget one. Its place in the line of
-- its subject (seq) has no gaps: whoever changes the subject holds the subject's lock.

CREATE TABLE outbound_events (
    id text DEFAULT new_id('evt') NOT NULL,
    subject_type text NOT NULL,
    subject_id text NOT NULL,
    seq bigint NOT NULL,
    type text NOT NULL,
    transition_id bigint NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT outbound_events_pkey PRIMARY KEY (id),
    CONSTRAINT outbound_events_subject_id_seq_key UNIQUE (subject_id, seq),
    CONSTRAINT outbound_events_transition_id_key UNIQUE (transition_id),
    CONSTRAINT outbound_events_transition_id_fkey
        FOREIGN KEY (transition_id) REFERENCES transition_log (id)
);

CREATE TABLE webhook_endpoints (
    id text DEFAULT new_id('whe') NOT NULL,
    url text NOT NULL,
    secret text NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    disabled_at timestamptz,
    disabled_reason text,
    version bigint NOT NULL,
    CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (id)
);

CREATE TABLE webhook_deliveries (
    id text DEFAULT new_id('whd') NOT NULL,
    endpoint_id text NOT NULL,
    event_id text NOT NULL,
    status text NOT NULL,
    attempts bigint DEFAULT 0 NOT NULL,
    next_at timestamptz,
    last_status bigint,
    last_error text,
    created_at timestamptz DEFAULT now() NOT NULL,
    delivered_at timestamptz,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_deliveries_endpoint_id_event_id_key UNIQUE (endpoint_id, event_id),
    CONSTRAINT webhook_deliveries_next_check CHECK ((status = 'pending') = (next_at IS NOT NULL)),
    CONSTRAINT webhook_deliveries_endpoint_id_fkey
        FOREIGN KEY (endpoint_id) REFERENCES webhook_endpoints (id),
    CONSTRAINT webhook_deliveries_event_id_fkey
        FOREIGN KEY (event_id) REFERENCES outbound_events (id)
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_at)
    WHERE status = 'pending';
CREATE INDEX webhook_deliveries_event_id_idx ON webhook_deliveries (event_id);

INSERT INTO legal_moves (aggregate, from_state, to_state) VALUES
    ('webhook_delivery', '', 'pending'),
    ('webhook_delivery', 'delivered', 'pending'),
    ('webhook_delivery', 'disabled', 'pending'),
    ('webhook_delivery', 'exhausted', 'pending'),
    ('webhook_delivery', 'pending', 'delivered'),
    ('webhook_delivery', 'pending', 'disabled'),
    ('webhook_delivery', 'pending', 'exhausted');

CREATE TRIGGER guard_state BEFORE INSERT OR UPDATE OF status ON webhook_deliveries
    FOR EACH ROW EXECUTE FUNCTION guard_state('webhook_delivery', 'id');
CREATE TRIGGER log_state AFTER INSERT OR UPDATE OF status ON webhook_deliveries
    FOR EACH ROW EXECUTE FUNCTION log_state('webhook_delivery', 'id');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON outbound_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION tell_others() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    made text;
BEGIN
    INSERT INTO outbound_events (subject_type, subject_id, seq, type, transition_id, created_at)
    VALUES (
        NEW.aggregate, NEW.aggregate_id,
        (SELECT coalesce(max(seq), 0) + 1 FROM outbound_events WHERE subject_id = NEW.aggregate_id),
        NEW.aggregate || '.' || NEW.to_state, NEW.id, NEW.at
    )
    RETURNING id INTO made;
    INSERT INTO webhook_deliveries (endpoint_id, event_id, status, next_at)
    SELECT id, made, 'pending', now() FROM webhook_endpoints WHERE disabled_at IS NULL;
    RETURN NULL;
END $$;

-- The changes of the days before this table, so that the line of each subject begins at one.
INSERT INTO outbound_events (subject_type, subject_id, seq, type, transition_id, created_at)
SELECT aggregate, aggregate_id, row_number() OVER (PARTITION BY aggregate_id ORDER BY id),
       aggregate || '.' || to_state, id, at
FROM transition_log WHERE aggregate IN ('invoice', 'payment', 'refund', 'dispute')
ORDER BY id;

CREATE TRIGGER tell_others AFTER INSERT ON transition_log
    FOR EACH ROW WHEN (NEW.aggregate IN ('invoice', 'payment', 'refund', 'dispute'))
    EXECUTE FUNCTION tell_others();
