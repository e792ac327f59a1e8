-- A line of the gateway's journal: money given back.
INSERT INTO lab.gateway_refunds VALUES (:id, :payment, :amount_minor)
