-- What is asked begins as sent. "Prepared" was left in the very transaction that wrote it, so nobody
-- ever saw it; and the triggers that see every change of a state now look at two columns, where they
-- turned the whole row, the frozen document of an invoice included, into JSON.

-- A move that was legal once: the log of older rows may show it, and nothing can make it any more.
ALTER TABLE legal_moves ADD COLUMN retired boolean NOT NULL DEFAULT false;
UPDATE legal_moves SET retired = true
WHERE aggregate IN ('gateway_request', 'payment_attempt') AND 'prepared' IN (from_state, to_state);
INSERT INTO legal_moves (aggregate, from_state, to_state) VALUES
    ('gateway_request', '', 'sent'),
    ('payment_attempt', '', 'sent');

CREATE OR REPLACE FUNCTION guard_state() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    machine text := TG_ARGV[0];
    old_state text := CASE WHEN TG_OP = 'UPDATE' THEN OLD.status ELSE '' END;
BEGIN
    IF old_state = NEW.status THEN
        RETURN NEW;
    END IF;
    PERFORM 1 FROM legal_moves m
    WHERE m.aggregate = machine AND m.from_state = old_state AND m.to_state = NEW.status
      AND NOT m.retired;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'illegal move of % %: % -> %',
            machine, to_jsonb(NEW) ->> TG_ARGV[1], old_state, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = machine || '_legal_move';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION log_state() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    old_state text := CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END;
    subject text;
BEGIN
    IF old_state IS DISTINCT FROM NEW.status THEN
        IF TG_ARGV[1] = 'id' THEN
            subject := NEW.id;
        ELSE
            subject := to_jsonb(NEW) ->> TG_ARGV[1];
        END IF;
        INSERT INTO transition_log
            (aggregate, aggregate_id, from_state, to_state, actor, job_id, request_id, reason)
        VALUES (
            TG_ARGV[0], subject, old_state, NEW.status,
            nullif(current_setting('app.actor', true), ''),
            nullif(current_setting('app.job_id', true), '')::bigint,
            nullif(current_setting('app.request_id', true), ''),
            nullif(current_setting('app.reason', true), '')
        );
    END IF;
    RETURN NULL;
END $$;
