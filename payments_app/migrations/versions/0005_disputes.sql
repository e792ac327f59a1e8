-- What the bank takes back after the fact: a refund that fails after it had succeeded, and disputes.
-- Both are the gateway's facts; here they are recorded, and the money is moved on the ledger.

ALTER TABLE refunds ADD COLUMN bounced_at timestamptz;
ALTER TABLE refunds ADD CONSTRAINT refunds_bounced_check
    CHECK (bounced_at IS NULL OR status = 'failed');

CREATE TABLE disputes (
    id text DEFAULT new_id('dsp') NOT NULL,
    payment_id text NOT NULL,
    gateway_dispute_id text NOT NULL,
    status text NOT NULL,
    reason text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    opened_at timestamptz DEFAULT now() NOT NULL,
    closed_at timestamptz,
    version bigint NOT NULL,
    CONSTRAINT disputes_pkey PRIMARY KEY (id),
    CONSTRAINT disputes_gateway_dispute_id_key UNIQUE (gateway_dispute_id),
    CONSTRAINT disputes_amount_check CHECK (amount_minor > 0),
    CONSTRAINT disputes_closed_check CHECK ((status = 'open') = (closed_at IS NULL)),
    CONSTRAINT disputes_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments (id)
);

CREATE INDEX disputes_payment_id_idx ON disputes (payment_id);

INSERT INTO legal_moves (aggregate, from_state, to_state) VALUES
    ('refund', 'completed', 'failed'),
    ('dispute', '', 'open'),
    ('dispute', 'open', 'won'),
    ('dispute', 'open', 'lost');

CREATE TRIGGER guard_state BEFORE INSERT OR UPDATE OF status ON disputes
    FOR EACH ROW EXECUTE FUNCTION guard_state('dispute', 'id');
CREATE TRIGGER log_state AFTER INSERT OR UPDATE OF status ON disputes
    FOR EACH ROW EXECUTE FUNCTION log_state('dispute', 'id');
