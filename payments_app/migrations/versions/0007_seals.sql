-- What was written about money stays as it was written, also for who writes SQL by hand; and events
-- that nobody has handled are found without reading all that were.

-- A posting is closed by the commit that made it. now() is the time of the transaction, so only the
-- transaction that wrote the header finds its own time there.
CREATE FUNCTION refuse_late_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM ledger_postings WHERE id = NEW.posting_id AND posted_at = now();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'posting % is closed: nothing can be added to it', NEW.posting_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_postings_closed';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER closed_posting BEFORE INSERT ON ledger_transfers
    FOR EACH ROW EXECUTE FUNCTION refuse_late_transfer();

-- The chart of accounts (payments_app/domain/ledger.py): a transfer to anywhere else is money lost.
ALTER TABLE ledger_transfers ADD CONSTRAINT ledger_transfers_known_accounts_check CHECK (
    debit_account IN ('receivable', 'gateway_clearing', 'bank', 'revenue', 'tax',
                      'customer_credit', 'fees', 'disputes', 'dispute_losses')
    AND credit_account IN ('receivable', 'gateway_clearing', 'bank', 'revenue', 'tax',
                           'customer_credit', 'fees', 'disputes', 'dispute_losses')
);

-- The columns named as arguments are written once, with the row.
CREATE FUNCTION freeze_columns() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    named text;
BEGIN
    FOREACH named IN ARRAY TG_ARGV LOOP
        IF to_jsonb(OLD) -> named IS DISTINCT FROM to_jsonb(NEW) -> named THEN
            RAISE EXCEPTION '% %: % is written once', TG_TABLE_NAME, OLD.id, named
                USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_write_once';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

CREATE TRIGGER keep_written BEFORE UPDATE ON refunds
    FOR EACH ROW EXECUTE FUNCTION freeze_columns('payment_id', 'amount_minor', 'currency');
CREATE TRIGGER keep_written BEFORE UPDATE ON disputes
    FOR EACH ROW
    EXECUTE FUNCTION freeze_columns('payment_id', 'gateway_dispute_id', 'amount_minor', 'currency');
CREATE TRIGGER keep_written BEFORE UPDATE ON credit_notes
    FOR EACH ROW
    EXECUTE FUNCTION freeze_columns('invoice_id', 'refund_id', 'amount_minor', 'tax_minor', 'currency');
CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON credit_notes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- As before, and what was captured stays captured: it is what the ledger and the refunds rest on.
CREATE OR REPLACE FUNCTION freeze_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.gateway_intent_id IS NOT NULL
            AND NEW.gateway_intent_id IS DISTINCT FROM OLD.gateway_intent_id)
        OR (OLD.captured_minor > 0 AND NEW.captured_minor IS DISTINCT FROM OLD.captured_minor)
        OR (OLD.invoice_id, OLD.customer_id, OLD.amount_minor, OLD.currency)
            IS DISTINCT FROM (NEW.invoice_id, NEW.customer_id, NEW.amount_minor, NEW.currency)
    THEN
        RAISE EXCEPTION 'payment %: intent, invoice, amount and capture are written once', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_write_once';
    END IF;
    RETURN NEW;
END $$;

-- A refund's key never changes, so there is no number to count.
ALTER TABLE refunds DROP COLUMN key_no;

-- Between two sweeps of the janitor this holds a handful of rows.
CREATE INDEX inbound_events_received ON inbound_events (received_at) WHERE status = 'received';
