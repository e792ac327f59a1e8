-- Whoever asks for a payment's cancel says what is to happen if the bank was faster: money that was
-- taken against a cancel goes back by itself, or a person decides.

ALTER TABLE payments ADD COLUMN refund_if_captured boolean NOT NULL DEFAULT false;
