-- Money that a customer paid beyond what was due, used on a later invoice. What is left of a payment
-- is derived from its allocations; what was used elsewhere is kept on the payment, so that one CHECK
-- can say that refunds and uses together never exceed what was captured.

ALTER TABLE payments ADD COLUMN credit_used_minor bigint DEFAULT 0 NOT NULL;

ALTER TABLE payments DROP CONSTRAINT payments_refunds_check;
ALTER TABLE payments ADD CONSTRAINT payments_refunds_check CHECK (
    refunded_minor >= 0 AND refund_reserved_minor >= 0 AND credit_used_minor >= 0
    AND refunded_minor + refund_reserved_minor + credit_used_minor <= captured_minor
);

CREATE TABLE credit_applications (
    id text DEFAULT new_id('cra') NOT NULL,
    customer_id text NOT NULL,
    invoice_id text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT credit_applications_pkey PRIMARY KEY (id),
    CONSTRAINT credit_applications_amount_check CHECK (amount_minor > 0),
    CONSTRAINT credit_applications_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT credit_applications_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoices (id)
);

CREATE INDEX credit_applications_customer_id_idx ON credit_applications (customer_id);
CREATE INDEX credit_applications_invoice_id_idx ON credit_applications (invoice_id);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_applications
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
