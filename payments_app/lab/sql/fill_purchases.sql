-- A purchase of the run, and the payment that it became.
INSERT INTO lab.purchases VALUES (:payment, :purchase)
