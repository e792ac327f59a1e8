-- What was to be given back.
INSERT INTO lab.wanted_refunds VALUES (:amount_minor)
