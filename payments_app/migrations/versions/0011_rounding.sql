-- How an invoice rounds halves, chosen with its draft and frozen with its figures: whoever computes
-- them again (a void, the audit) must come to the same.

ALTER TABLE invoices ADD COLUMN rounding text NOT NULL DEFAULT 'half_up';
ALTER TABLE invoices ADD CONSTRAINT invoices_rounding_check
    CHECK (rounding IN ('half_up', 'half_even'));

CREATE OR REPLACE FUNCTION freeze_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.finalized_at IS NOT NULL AND (
        (OLD.number, OLD.customer_id, OLD.currency, OLD.rounding, OLD.subtotal_minor, OLD.tax_minor,
         OLD.total_minor, OLD.issue_date, OLD.document, OLD.finalized_at)
        IS DISTINCT FROM
        (NEW.number, NEW.customer_id, NEW.currency, NEW.rounding, NEW.subtotal_minor, NEW.tax_minor,
         NEW.total_minor, NEW.issue_date, NEW.document, NEW.finalized_at)
    ) THEN
        RAISE EXCEPTION 'invoice % is numbered: its figures cannot change', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'invoices_frozen';
    END IF;
    RETURN NEW;
END $$;
