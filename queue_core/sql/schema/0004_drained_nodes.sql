-- Version 4: draining a node is desired state like any other. It stood in the rows of its worker processes alone, so
-- that a recycled child, or the node after a restart, claimed again.
CREATE TABLE {schema}.drained_nodes (
    node text PRIMARY KEY,
    requested_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO {schema}.schema_version (version) VALUES (4);
