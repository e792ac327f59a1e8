-- A line of the gateway's journal: money taken.
INSERT INTO lab.gateway_captures VALUES (:payment, :intent, :amount_minor)
