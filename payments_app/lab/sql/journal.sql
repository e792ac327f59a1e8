-- The gateway's journal beside our tables, and what the customer wanted: one purchase may have become
-- several payments. In a schema of its own, in the database of one run.
CREATE SCHEMA lab;
CREATE TABLE lab.purchases (payment text PRIMARY KEY, purchase int NOT NULL);
CREATE TABLE lab.gateway_captures (payment text, intent text, amount_minor bigint NOT NULL);
CREATE TABLE lab.gateway_refunds (id text PRIMARY KEY, payment text, amount_minor bigint NOT NULL);
CREATE TABLE lab.wanted_refunds (amount_minor bigint NOT NULL);
