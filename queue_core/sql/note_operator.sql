-- What an operator did, in the transaction of the deed. Called by control.
INSERT INTO {schema}.operator_log (actor, action, subject, affected)
VALUES (%(actor)s, %(action)s, %(subject)s::jsonb, %(affected)s)
