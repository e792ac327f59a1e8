-- The business schema. Ids are UUIDv7 with a public prefix; states are text, guarded by the table
-- legal_moves through one trigger; the ledger and the transition log are append-only.

-- uuidv7() is built in from PostgreSQL 18; older servers get the same layout from the clock and
-- 74 random bits.
CREATE FUNCTION new_uuidv7() RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    made uuid;
BEGIN
    IF current_setting('server_version_num')::int >= 180000 THEN
        EXECUTE 'SELECT uuidv7()' INTO made;
        RETURN made;
    END IF;
    RETURN encode(
        set_bit(
            set_bit(
                overlay(
                    uuid_send(gen_random_uuid())
                    PLACING substring(
                        int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)
                        FROM 3
                    )
                    FROM 1 FOR 6
                ),
                52, 1
            ),
            53, 1
        ),
        'hex'
    )::uuid;
END $$;

CREATE FUNCTION new_id(prefix text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT prefix || '_' || replace(new_uuidv7()::text, '-', '')
$$;

-- 244 random bits from the server's strong source: a link that cannot be guessed.
CREATE FUNCTION new_token() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')
$$;

CREATE TABLE api_keys (
    id text DEFAULT new_id('key') NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    key_hash text NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash)
);

CREATE TABLE customers (
    id text DEFAULT new_id('cus') NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    address text NOT NULL,
    tax_id text NOT NULL,
    notes text NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    archived_at timestamptz,
    version bigint NOT NULL,
    CONSTRAINT customers_pkey PRIMARY KEY (id),
    CONSTRAINT customers_name_check CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT customers_email_check CHECK (length(email) BETWEEN 3 AND 254)
);

CREATE TABLE email_deliveries (
    id text DEFAULT new_id('mail') NOT NULL,
    subject_id text NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    to_address text NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    document_hash text,
    document_name text,
    message_id text NOT NULL,
    last_error text,
    created_at timestamptz DEFAULT now() NOT NULL,
    sent_at timestamptz,
    version bigint NOT NULL,
    CONSTRAINT email_deliveries_pkey PRIMARY KEY (id),
    CONSTRAINT email_deliveries_subject_id_kind_key UNIQUE (subject_id, kind),
    CONSTRAINT email_deliveries_message_id_key UNIQUE (message_id)
);

CREATE TABLE idempotency_records (
    account text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    status bigint NOT NULL,
    body jsonb NOT NULL,
    headers jsonb NOT NULL,
    subject_id text,
    replays bigint NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT idempotency_records_pkey PRIMARY KEY (account, key)
);

CREATE TABLE inbound_events (
    provider text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    object_id text,
    payload jsonb NOT NULL,
    status text NOT NULL,
    times_received bigint NOT NULL,
    received_at timestamptz DEFAULT now() NOT NULL,
    processed_at timestamptz,
    CONSTRAINT inbound_events_pkey PRIMARY KEY (provider, event_id)
);

CREATE TABLE ledger_postings (
    id text DEFAULT new_id('post') NOT NULL,
    source_type text NOT NULL,
    source_id text NOT NULL,
    kind text NOT NULL,
    currency text NOT NULL,
    memo text NOT NULL,
    posted_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT ledger_postings_pkey PRIMARY KEY (id),
    CONSTRAINT ledger_postings_source_type_source_id_kind_key UNIQUE (source_type, source_id, kind)
);

CREATE TABLE legal_moves (
    aggregate text NOT NULL,
    from_state text NOT NULL,
    to_state text NOT NULL,
    CONSTRAINT legal_moves_pkey PRIMARY KEY (aggregate, from_state, to_state)
);

CREATE TABLE number_series (
    name text NOT NULL,
    next_value bigint NOT NULL,
    CONSTRAINT number_series_pkey PRIMARY KEY (name)
);

CREATE TABLE stored_files (
    hash text NOT NULL,
    media_type text NOT NULL,
    content bytea NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT stored_files_pkey PRIMARY KEY (hash)
);

CREATE TABLE transition_log (
    id bigint GENERATED ALWAYS AS IDENTITY,
    aggregate text NOT NULL,
    aggregate_id text NOT NULL,
    from_state text,
    to_state text NOT NULL,
    actor text,
    job_id bigint,
    request_id text,
    reason text,
    at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT transition_log_pkey PRIMARY KEY (id)
);

CREATE TABLE users (
    id text DEFAULT new_id('usr') NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    password_hash text NOT NULL,
    failed_logins bigint NOT NULL,
    locked_until timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    disabled_at timestamptz,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_email_key UNIQUE (email)
);

CREATE TABLE documents (
    id text DEFAULT new_id('doc') NOT NULL,
    subject_id text NOT NULL,
    kind text NOT NULL,
    file_hash text NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT documents_pkey PRIMARY KEY (id),
    CONSTRAINT documents_subject_id_kind_key UNIQUE (subject_id, kind),
    CONSTRAINT documents_file_hash_fkey FOREIGN KEY(file_hash) REFERENCES stored_files (hash)
);

CREATE TABLE invoices (
    id text DEFAULT new_id('inv') NOT NULL,
    customer_id text NOT NULL,
    status text NOT NULL,
    number text,
    currency text NOT NULL,
    issue_date DATE,
    due_date DATE,
    memo text NOT NULL,
    subtotal_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    total_minor bigint NOT NULL,
    allocated_minor bigint NOT NULL,
    credited_minor bigint NOT NULL,
    public_token text DEFAULT new_token() NOT NULL,
    public_token_expires_at timestamptz,
    document jsonb,
    finalize_requested_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    finalized_at timestamptz,
    paid_at timestamptz,
    version bigint NOT NULL,
    CONSTRAINT invoices_pkey PRIMARY KEY (id),
    CONSTRAINT invoices_amounts_check CHECK (total_minor >= 0 AND tax_minor >= 0),
    CONSTRAINT invoices_settled_check CHECK (allocated_minor >= 0 AND credited_minor >= 0 AND allocated_minor + credited_minor <= total_minor),
    CONSTRAINT invoices_paid_check CHECK ((status NOT IN ('open', 'paid', 'uncollectible')) OR ((status = 'paid') = (allocated_minor + credited_minor = total_minor))),
    CONSTRAINT invoices_number_check CHECK ((number IS NOT NULL) = (finalized_at IS NOT NULL) AND (status NOT IN ('open', 'paid', 'uncollectible') OR number IS NOT NULL)),
    CONSTRAINT invoices_customer_id_fkey FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT invoices_number_key UNIQUE (number),
    CONSTRAINT invoices_public_token_key UNIQUE (public_token)
);

CREATE INDEX invoices_customer_id_idx ON invoices (customer_id);

CREATE TABLE ledger_transfers (
    id text DEFAULT new_id('xfer') NOT NULL,
    posting_id text NOT NULL,
    debit_account text NOT NULL,
    credit_account text NOT NULL,
    amount_minor bigint NOT NULL,
    CONSTRAINT ledger_transfers_pkey PRIMARY KEY (id),
    CONSTRAINT ledger_transfers_amount_check CHECK (amount_minor > 0),
    CONSTRAINT ledger_transfers_accounts_check CHECK (debit_account <> credit_account),
    CONSTRAINT ledger_transfers_posting_id_fkey FOREIGN KEY(posting_id) REFERENCES ledger_postings (id)
);

CREATE INDEX ledger_transfers_credit_account_idx ON ledger_transfers (credit_account);

CREATE INDEX ledger_transfers_debit_account_idx ON ledger_transfers (debit_account);

CREATE INDEX ledger_transfers_posting_id_idx ON ledger_transfers (posting_id);

CREATE TABLE user_sessions (
    token_hash text NOT NULL,
    user_id text NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT user_sessions_pkey PRIMARY KEY (token_hash),
    CONSTRAINT user_sessions_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX user_sessions_user_id_idx ON user_sessions (user_id);

CREATE TABLE invoice_lines (
    id text DEFAULT new_id('line') NOT NULL,
    invoice_id text NOT NULL,
    position bigint NOT NULL,
    description text NOT NULL,
    quantity NUMERIC(12, 3) NOT NULL,
    unit_amount_minor bigint NOT NULL,
    tax_rate NUMERIC(6, 3) NOT NULL,
    CONSTRAINT invoice_lines_pkey PRIMARY KEY (id),
    CONSTRAINT invoice_lines_description_check CHECK (length(description) BETWEEN 1 AND 500),
    CONSTRAINT invoice_lines_quantity_check CHECK (quantity > 0),
    CONSTRAINT invoice_lines_unit_amount_check CHECK (unit_amount_minor >= 0),
    CONSTRAINT invoice_lines_tax_rate_check CHECK (tax_rate BETWEEN 0 AND 100),
    CONSTRAINT invoice_lines_invoice_id_fkey FOREIGN KEY(invoice_id) REFERENCES invoices (id) ON DELETE CASCADE
);

CREATE INDEX invoice_lines_invoice_id_idx ON invoice_lines (invoice_id);

CREATE TABLE payments (
    id text DEFAULT new_id('pay') NOT NULL,
    invoice_id text NOT NULL,
    customer_id text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    payment_method text NOT NULL,
    card_changed_at timestamptz,
    gateway_intent_id text,
    intent_key_no bigint NOT NULL,
    cancel_key_no bigint NOT NULL,
    latest_charge text,
    must_look boolean NOT NULL,
    captured_minor bigint NOT NULL,
    refunded_minor bigint NOT NULL,
    refund_reserved_minor bigint NOT NULL,
    next_action_at timestamptz,
    deadline_at timestamptz NOT NULL,
    waits bigint NOT NULL,
    stop_reason text,
    failure_code text,
    failure_message text,
    review_reason text,
    source text NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    finished_at timestamptz,
    version bigint NOT NULL,
    CONSTRAINT payments_pkey PRIMARY KEY (id),
    CONSTRAINT payments_amount_check CHECK (amount_minor > 0),
    CONSTRAINT payments_refunds_check CHECK (refunded_minor >= 0 AND refund_reserved_minor >= 0 AND refunded_minor + refund_reserved_minor <= captured_minor),
    CONSTRAINT payments_captured_check CHECK ((status = 'completed') = (captured_minor > 0)),
    CONSTRAINT payments_finished_check CHECK ((status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CONSTRAINT payments_intent_check CHECK (status <> 'completed' OR gateway_intent_id IS NOT NULL),
    CONSTRAINT payments_invoice_id_fkey FOREIGN KEY(invoice_id) REFERENCES invoices (id),
    CONSTRAINT payments_customer_id_fkey FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT payments_gateway_intent_id_key UNIQUE (gateway_intent_id)
);

CREATE INDEX payments_customer_id_idx ON payments (customer_id);

CREATE INDEX payments_invoice_id_idx ON payments (invoice_id);

CREATE UNIQUE INDEX payments_one_live_per_invoice ON payments (invoice_id) WHERE status IN ('pending', 'processing', 'needs_review');

CREATE INDEX payments_open ON payments (next_action_at) WHERE status IN ('pending', 'processing', 'needs_review');

CREATE TABLE allocations (
    id text DEFAULT new_id('alloc') NOT NULL,
    payment_id text NOT NULL,
    invoice_id text NOT NULL,
    source_id text NOT NULL,
    amount_minor bigint NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT allocations_pkey PRIMARY KEY (id),
    CONSTRAINT allocations_payment_id_invoice_id_source_id_key UNIQUE (payment_id, invoice_id, source_id),
    CONSTRAINT allocations_amount_check CHECK (amount_minor <> 0),
    CONSTRAINT allocations_payment_id_fkey FOREIGN KEY(payment_id) REFERENCES payments (id),
    CONSTRAINT allocations_invoice_id_fkey FOREIGN KEY(invoice_id) REFERENCES invoices (id)
);

CREATE INDEX allocations_invoice_id_idx ON allocations (invoice_id);

CREATE TABLE payment_attempts (
    id text DEFAULT new_id('att') NOT NULL,
    payment_id text NOT NULL,
    n bigint NOT NULL,
    status text NOT NULL,
    payment_method text NOT NULL,
    baseline_charge text,
    charge_id text,
    decline_code text,
    decline_message text,
    key_spent boolean NOT NULL,
    sent_at timestamptz,
    resend_until timestamptz,
    answered_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT payment_attempts_pkey PRIMARY KEY (id),
    CONSTRAINT payment_attempts_payment_id_n_key UNIQUE (payment_id, n),
    CONSTRAINT payment_attempts_n_check CHECK (n > 0),
    CONSTRAINT payment_attempts_payment_id_fkey FOREIGN KEY(payment_id) REFERENCES payments (id)
);

CREATE TABLE refunds (
    id text DEFAULT new_id('rfd') NOT NULL,
    payment_id text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    reason text NOT NULL,
    with_credit_note boolean NOT NULL,
    status text NOT NULL,
    gateway_refund_id text,
    key_no bigint NOT NULL,
    first_sent_at timestamptz,
    last_sent_at timestamptz,
    resend_until timestamptz,
    listed_at timestamptz,
    next_action_at timestamptz,
    waits bigint NOT NULL,
    failure_code text,
    review_reason text,
    created_at timestamptz DEFAULT now() NOT NULL,
    finished_at timestamptz,
    version bigint NOT NULL,
    CONSTRAINT refunds_pkey PRIMARY KEY (id),
    CONSTRAINT refunds_amount_check CHECK (amount_minor > 0),
    CONSTRAINT refunds_finished_check CHECK ((status IN ('completed', 'failed')) = (finished_at IS NOT NULL)),
    CONSTRAINT refunds_payment_id_fkey FOREIGN KEY(payment_id) REFERENCES payments (id),
    CONSTRAINT refunds_gateway_refund_id_key UNIQUE (gateway_refund_id)
);

CREATE UNIQUE INDEX refunds_one_open_per_payment ON refunds (payment_id) WHERE status IN ('requested', 'processing', 'needs_review');

CREATE INDEX refunds_payment_id_idx ON refunds (payment_id);

CREATE TABLE credit_notes (
    id text DEFAULT new_id('crn') NOT NULL,
    invoice_id text NOT NULL,
    refund_id text,
    number text,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    reason text NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    issued_at timestamptz,
    CONSTRAINT credit_notes_pkey PRIMARY KEY (id),
    CONSTRAINT credit_notes_amount_check CHECK (amount_minor > 0),
    CONSTRAINT credit_notes_invoice_id_fkey FOREIGN KEY(invoice_id) REFERENCES invoices (id),
    CONSTRAINT credit_notes_refund_id_key UNIQUE (refund_id),
    CONSTRAINT credit_notes_refund_id_fkey FOREIGN KEY(refund_id) REFERENCES refunds (id),
    CONSTRAINT credit_notes_number_key UNIQUE (number)
);

CREATE INDEX credit_notes_invoice_id_idx ON credit_notes (invoice_id);

CREATE TABLE gateway_requests (
    id text DEFAULT new_id('req') NOT NULL,
    payment_id text NOT NULL,
    attempt_id text,
    refund_id text,
    op text NOT NULL,
    key text,
    target text,
    params json NOT NULL,
    fingerprint text NOT NULL,
    status text NOT NULL,
    outcome text,
    detail jsonb,
    resend_until timestamptz,
    job_id bigint,
    job_lease bigint,
    created_at timestamptz DEFAULT now() NOT NULL,
    sent_at timestamptz,
    answered_at timestamptz,
    CONSTRAINT gateway_requests_pkey PRIMARY KEY (id),
    CONSTRAINT gateway_requests_payment_id_fkey FOREIGN KEY(payment_id) REFERENCES payments (id),
    CONSTRAINT gateway_requests_attempt_id_fkey FOREIGN KEY(attempt_id) REFERENCES payment_attempts (id),
    CONSTRAINT gateway_requests_refund_id_fkey FOREIGN KEY(refund_id) REFERENCES refunds (id)
);

CREATE INDEX gateway_requests_key_idx ON gateway_requests (key);

CREATE INDEX gateway_requests_payment_id_idx ON gateway_requests (payment_id);

CREATE INDEX gateway_requests_refund_id_idx ON gateway_requests (refund_id);

CREATE INDEX transition_log_aggregate_id_idx ON transition_log (aggregate_id, id);
CREATE INDEX invoices_status_idx ON invoices (status, created_at);
CREATE INDEX payments_created_idx ON payments (created_at);
CREATE INDEX customers_email_idx ON customers (lower(email));
CREATE INDEX allocations_payment_id_idx ON allocations (payment_id);

-- Every change of a state passes here: it must be a legal move …
CREATE FUNCTION guard_state() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    machine text := TG_ARGV[0];
    subject text := to_jsonb(NEW) ->> TG_ARGV[1];
    old_state text := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) ->> 'status' ELSE '' END;
    new_state text := NEW.status;
BEGIN
    PERFORM 1 FROM legal_moves m
    WHERE old_state = new_state
       OR (m.aggregate = machine AND m.from_state = old_state AND m.to_state = new_state)
    LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'illegal move of % %: % -> %', machine, subject, old_state, new_state
            USING ERRCODE = 'check_violation', CONSTRAINT = machine || '_legal_move';
    END IF;
    RETURN NEW;
END $$;

-- … and leaves a row in the log. After the fact: an INSERT … ON CONFLICT DO NOTHING that inserted
-- nothing has called the BEFORE trigger, too. Who acts is what the transaction said with
-- set_config('app.actor', …, true).
CREATE FUNCTION log_state() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    old_state text := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) ->> 'status' END;
BEGIN
    IF old_state IS DISTINCT FROM NEW.status THEN
        INSERT INTO transition_log
            (aggregate, aggregate_id, from_state, to_state, actor, job_id, request_id, reason)
        VALUES (
            TG_ARGV[0], to_jsonb(NEW) ->> TG_ARGV[1], old_state, NEW.status,
            nullif(current_setting('app.actor', true), ''),
            nullif(current_setting('app.job_id', true), '')::bigint,
            nullif(current_setting('app.request_id', true), ''),
            nullif(current_setting('app.reason', true), '')
        );
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;

-- A numbered invoice is a document: its figures and its lines stay as they were sent.
CREATE FUNCTION freeze_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.finalized_at IS NOT NULL AND (
        (OLD.number, OLD.customer_id, OLD.currency, OLD.subtotal_minor, OLD.tax_minor,
         OLD.total_minor, OLD.issue_date, OLD.document, OLD.finalized_at)
        IS DISTINCT FROM
        (NEW.number, NEW.customer_id, NEW.currency, NEW.subtotal_minor, NEW.tax_minor,
         NEW.total_minor, NEW.issue_date, NEW.document, NEW.finalized_at)
    ) THEN
        RAISE EXCEPTION 'invoice % is numbered: its figures cannot change', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'invoices_frozen';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION freeze_lines() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owner text := CASE WHEN TG_OP = 'DELETE' THEN OLD.invoice_id ELSE NEW.invoice_id END;
BEGIN
    PERFORM 1 FROM invoices WHERE id = owner AND finalized_at IS NOT NULL;
    IF FOUND THEN
        RAISE EXCEPTION 'invoice % is numbered: its lines cannot change', owner
            USING ERRCODE = 'check_violation', CONSTRAINT = 'invoice_lines_frozen';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;

-- One intent per payment, for ever; and the amount that was asked is the amount that counts.
CREATE FUNCTION freeze_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.gateway_intent_id IS NOT NULL
            AND NEW.gateway_intent_id IS DISTINCT FROM OLD.gateway_intent_id)
        OR (OLD.invoice_id, OLD.customer_id, OLD.amount_minor, OLD.currency)
            IS DISTINCT FROM (NEW.invoice_id, NEW.customer_id, NEW.amount_minor, NEW.currency)
    THEN
        RAISE EXCEPTION 'payment %: intent, invoice and amount are written once', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_write_once';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION freeze_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.key, OLD.op, OLD.target, OLD.params::text, OLD.fingerprint)
        IS DISTINCT FROM (NEW.key, NEW.op, NEW.target, NEW.params::text, NEW.fingerprint)
    THEN
        RAISE EXCEPTION 'gateway request %: what was asked cannot change', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'gateway_requests_write_once';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER guard_state BEFORE INSERT OR UPDATE OF status ON invoices
    FOR EACH ROW EXECUTE FUNCTION guard_state('invoice', 'id');
CREATE TRIGGER log_state AFTER INSERT OR UPDATE OF status ON invoices
    FOR EACH ROW EXECUTE FUNCTION log_state('invoice', 'id');
CREATE TRIGGER guard_state BEFORE INSERT OR UPDATE OF status ON payments
    FOR EACH ROW EXECUTE FUNCTION guard_state('payment', 'id');
CREATE TRIGGER log_state AFTER INSERT OR UPDATE OF status ON payments
    FOR EACH ROW EXECUTE FUNCTION log_state('payment', 'id');
CREATE TRIGGER guard_state BEFORE INSERT OR UPDATE OF status ON payment_attempts
    FOR EACH ROW EXECUTE FUNCTION guard_state('payment_attempt', 'id');
CREATE TRIGGER log_state AFTER INSERT OR UPDATE OF status ON payment_attempts
    FOR EACH ROW EXECUTE FUNCTION log_state('payment_attempt', 'id');
CREATE TRIGGER guard_state BEFORE INSERT OR UPDATE OF status ON gateway_requests
    FOR EACH ROW EXECUTE FUNCTION guard_state('gateway_request', 'id');
CREATE TRIGGER log_state AFTER INSERT OR UPDATE OF status ON gateway_requests
    FOR EACH ROW EXECUTE FUNCTION log_state('gateway_request', 'id');
CREATE TRIGGER guard_state BEFORE INSERT OR UPDATE OF status ON refunds
    FOR EACH ROW EXECUTE FUNCTION guard_state('refund', 'id');
CREATE TRIGGER log_state AFTER INSERT OR UPDATE OF status ON refunds
    FOR EACH ROW EXECUTE FUNCTION log_state('refund', 'id');
CREATE TRIGGER guard_state BEFORE INSERT OR UPDATE OF status ON email_deliveries
    FOR EACH ROW EXECUTE FUNCTION guard_state('email_delivery', 'id');
CREATE TRIGGER log_state AFTER INSERT OR UPDATE OF status ON email_deliveries
    FOR EACH ROW EXECUTE FUNCTION log_state('email_delivery', 'id');
CREATE TRIGGER guard_state BEFORE INSERT OR UPDATE OF status ON inbound_events
    FOR EACH ROW EXECUTE FUNCTION guard_state('inbound_event', 'event_id');
CREATE TRIGGER log_state AFTER INSERT OR UPDATE OF status ON inbound_events
    FOR EACH ROW EXECUTE FUNCTION log_state('inbound_event', 'event_id');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_postings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transition_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON allocations
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER keep_written BEFORE UPDATE ON invoices
    FOR EACH ROW EXECUTE FUNCTION freeze_invoice();
CREATE TRIGGER keep_written BEFORE INSERT OR UPDATE OR DELETE ON invoice_lines
    FOR EACH ROW EXECUTE FUNCTION freeze_lines();
CREATE TRIGGER keep_written BEFORE UPDATE ON payments
    FOR EACH ROW EXECUTE FUNCTION freeze_payment();
CREATE TRIGGER keep_written BEFORE UPDATE ON gateway_requests
    FOR EACH ROW EXECUTE FUNCTION freeze_request();

-- The moves of the state machines in payments_app/domain, '' being "not there yet".
INSERT INTO legal_moves (aggregate, from_state, to_state) VALUES
    ('email_delivery', '', 'queued'),
    ('email_delivery', 'bounced', 'queued'),
    ('email_delivery', 'queued', 'sending'),
    ('email_delivery', 'sending', 'bounced'),
    ('email_delivery', 'sending', 'queued'),
    ('email_delivery', 'sending', 'sent'),
    ('gateway_request', '', 'prepared'),
    ('gateway_request', 'prepared', 'sent'),
    ('gateway_request', 'sent', 'answered'),
    ('gateway_request', 'sent', 'unknown'),
    ('gateway_request', 'unknown', 'answered'),
    ('inbound_event', '', 'received'),
    ('inbound_event', 'ignored', 'received'),
    ('inbound_event', 'parked', 'ignored'),
    ('inbound_event', 'parked', 'processed'),
    ('inbound_event', 'parked', 'received'),
    ('inbound_event', 'processed', 'received'),
    ('inbound_event', 'received', 'ignored'),
    ('inbound_event', 'received', 'parked'),
    ('inbound_event', 'received', 'processed'),
    ('invoice', '', 'draft'),
    ('invoice', 'draft', 'open'),
    ('invoice', 'draft', 'void'),
    ('invoice', 'open', 'paid'),
    ('invoice', 'open', 'uncollectible'),
    ('invoice', 'open', 'void'),
    ('invoice', 'paid', 'open'),
    ('invoice', 'uncollectible', 'paid'),
    ('invoice', 'uncollectible', 'void'),
    ('payment', '', 'pending'),
    ('payment', 'cancelled', 'completed'),
    ('payment', 'failed', 'completed'),
    ('payment', 'needs_review', 'cancelled'),
    ('payment', 'needs_review', 'completed'),
    ('payment', 'needs_review', 'failed'),
    ('payment', 'needs_review', 'processing'),
    ('payment', 'pending', 'cancelled'),
    ('payment', 'pending', 'completed'),
    ('payment', 'pending', 'failed'),
    ('payment', 'pending', 'needs_review'),
    ('payment', 'pending', 'processing'),
    ('payment', 'processing', 'cancelled'),
    ('payment', 'processing', 'completed'),
    ('payment', 'processing', 'failed'),
    ('payment', 'processing', 'needs_review'),
    ('payment_attempt', '', 'prepared'),
    ('payment_attempt', 'declined', 'succeeded'),
    ('payment_attempt', 'not_executed', 'declined'),
    ('payment_attempt', 'not_executed', 'sent'),
    ('payment_attempt', 'not_executed', 'succeeded'),
    ('payment_attempt', 'prepared', 'sent'),
    ('payment_attempt', 'prepared', 'succeeded'),
    ('payment_attempt', 'sent', 'declined'),
    ('payment_attempt', 'sent', 'not_executed'),
    ('payment_attempt', 'sent', 'succeeded'),
    ('payment_attempt', 'sent', 'unknown'),
    ('payment_attempt', 'unknown', 'declined'),
    ('payment_attempt', 'unknown', 'not_executed'),
    ('payment_attempt', 'unknown', 'succeeded'),
    ('refund', '', 'requested'),
    ('refund', 'needs_review', 'completed'),
    ('refund', 'needs_review', 'failed'),
    ('refund', 'needs_review', 'processing'),
    ('refund', 'processing', 'completed'),
    ('refund', 'processing', 'failed'),
    ('refund', 'processing', 'needs_review'),
    ('refund', 'requested', 'completed'),
    ('refund', 'requested', 'failed'),
    ('refund', 'requested', 'needs_review'),
    ('refund', 'requested', 'processing');

INSERT INTO number_series (name, next_value) VALUES ('invoice', 1), ('credit_note', 1);
