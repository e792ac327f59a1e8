-- While a receiver changes the secret of its endpoint, deliveries carry the signatures of both.

ALTER TABLE webhook_endpoints ADD COLUMN previous_secret text;
ALTER TABLE webhook_endpoints ADD COLUMN previous_until timestamptz;
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_previous_check
    CHECK ((previous_secret IS NULL) = (previous_until IS NULL));
