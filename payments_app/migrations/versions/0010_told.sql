-- The trigger that writes an event's deliveries says so on the connection that caused them: whoever
-- commits there asks for the telling in the same transaction (payments_app/services/telling.py). An
-- INFO, because no setting of a role or a server keeps one from the client. Not a NOTIFY: that would
-- make every commit of the database wait for every other.

CREATE OR REPLACE FUNCTION tell_others() RETURNS trigger LANGUAGE plpgsql AS $$
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
    IF FOUND THEN
        RAISE INFO 'webhook deliveries are due';
    END IF;
    RETURN NULL;
END $$;
