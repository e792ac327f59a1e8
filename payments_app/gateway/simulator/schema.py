"""The tables of the gateway's truth; what must never happen is refused by the file itself.

``charge_succeeds_once`` and the check on ``refunded_minor`` hold whatever the code above does: one
intent, one successful charge; never more back than was taken. Times are Unix seconds of the
gateway's own clock, but for ``event.due_s``. ``seq`` gives every list its order.
"""

# Kept in the file: one that another version made is refused by name, not misread.
VERSION = 2

SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS intent (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('requires_payment_method', 'requires_confirmation',
        'requires_action', 'processing', 'succeeded', 'canceled')),
    payment_method TEXT,
    latest_charge TEXT,
    last_error TEXT,
    description TEXT,
    metadata TEXT NOT NULL,
    captured_minor INTEGER NOT NULL DEFAULT 0,
    created_s REAL NOT NULL,
    canceled_s REAL,
    cancellation_reason TEXT,
    settles_s REAL
);

CREATE INDEX IF NOT EXISTS intent_processing ON intent (settles_s) WHERE status = 'processing';

CREATE TABLE IF NOT EXISTS charge (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    intent TEXT,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('succeeded', 'failed')),
    payment_method TEXT NOT NULL,
    decline_code TEXT,
    description TEXT,
    metadata TEXT NOT NULL,
    refunded_minor INTEGER NOT NULL DEFAULT 0
        CHECK (refunded_minor BETWEEN 0 AND amount_minor),
    created_s REAL NOT NULL
);

CREATE UNIQUE INDEX IF NOT EXISTS charge_succeeds_once ON charge (intent)
    WHERE status = 'succeeded';
CREATE INDEX IF NOT EXISTS charge_by_intent ON charge (intent);

CREATE TABLE IF NOT EXISTS refund (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    charge TEXT NOT NULL,
    intent TEXT,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    failure_reason TEXT,
    metadata TEXT NOT NULL,
    created_s REAL NOT NULL,
    settles_s REAL,
    settles_as TEXT
);

CREATE INDEX IF NOT EXISTS refund_by_intent ON refund (intent);
CREATE INDEX IF NOT EXISTS refund_unsettled ON refund (settles_s) WHERE settles_s IS NOT NULL;

CREATE TABLE IF NOT EXISTS dispute (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    charge TEXT NOT NULL UNIQUE,
    intent TEXT,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('needs_response', 'won', 'lost')),
    reason TEXT NOT NULL,
    created_s REAL NOT NULL,
    closed_s REAL
);

CREATE INDEX IF NOT EXISTS dispute_by_intent ON dispute (intent);

CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    request TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_s REAL NOT NULL
);

CREATE TABLE IF NOT EXISTS request (
    seq INTEGER PRIMARY KEY,
    at_s REAL NOT NULL,
    op TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    key TEXT,
    intent TEXT,
    payment TEXT,
    status INTEGER,
    executed INTEGER NOT NULL,
    replayed INTEGER NOT NULL,
    fault TEXT
);

CREATE TABLE IF NOT EXISTS event (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    object TEXT NOT NULL,
    created_s REAL NOT NULL,
    copies INTEGER NOT NULL DEFAULT 1,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_s REAL NOT NULL DEFAULT 0,
    delivery TEXT NOT NULL DEFAULT 'pending'
        CHECK (delivery IN ('pending', 'delivered', 'dropped', 'exhausted'))
);

CREATE INDEX IF NOT EXISTS event_pending ON event (seq) WHERE delivery = 'pending';
"""

# What a file of an older version lacks; ``SCHEMA`` then makes the tables that are new.
UPGRADES = {
    1: """
    ALTER TABLE refund ADD COLUMN failure_reason TEXT;
    ALTER TABLE refund ADD COLUMN settles_s REAL;
    ALTER TABLE refund ADD COLUMN settles_as TEXT;
    """,
}

TABLES = ("intent", "charge", "refund", "dispute", "idempotency", "request", "event", "setting")
