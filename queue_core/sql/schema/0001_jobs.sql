-- The whole schema of the queue, version 1. Run once by schema.install, in one transaction, under an
-- advisory lock. {schema} is replaced by the checked schema name. Needs PostgreSQL 15, no extension.

-- Which version of these files the tables have; schema.verify refuses to start on another one.
CREATE TABLE {schema}.schema_version (
    version int PRIMARY KEY,
    installed_at timestamptz NOT NULL DEFAULT now()
);

-- Desired state of every queue. A configured limit is written only where there is no row: an
-- operator's value then stays until it is reset. Inserting joins this table, so that a job can
-- never wait in a queue that nobody defined. `limit_key_field` names an argument: global limit and rate
-- then hold for each of its values ("one at a time per customer").
CREATE TABLE {schema}.queues (
    name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_.-]{0,62}$'),
    process_limit int NOT NULL DEFAULT 10 CHECK (process_limit BETWEEN 1 AND 1000),
    paused_at timestamptz,
    global_limit int CHECK (global_limit >= 1),
    rate_starts int CHECK (rate_starts >= 1),
    rate_period_s double precision CHECK (rate_period_s > 0),
    limit_key_field text,
    inserted_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((rate_starts IS NULL) = (rate_period_s IS NULL))
);

INSERT INTO {schema}.queues (name) VALUES ('default');

-- A row per worker process: the lease that its jobs live under. The supervisor renews expires_at for
-- its children; a renewal may revive an expired row, only a DELETE ends it. Ids are random and never
-- reused. No index but the key and half-empty pages: every renewal is a heap-only update.
CREATE TABLE {schema}.workers (
    id uuid PRIMARY KEY,
    supervisor_id uuid NOT NULL,
    node text NOT NULL,
    pid int NOT NULL,
    supervisor_pid int NOT NULL,
    queues text[] NOT NULL,
    kinds text[] NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    renewed_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    drain_requested_at timestamptz
) WITH (fillfactor = 50);

CREATE SEQUENCE {schema}.jobs_id_seq AS bigint CACHE 1;

-- HOT: unfinished jobs only, so that claims never walk over history. `attempt` is a budget that snooze
-- and interruption refund; `lease` is an identity that only grows and fences every way out of executing.
-- unique_key is held only while the state is one of unique_states; it is cleared by the very statement
-- that leaves them. Vacuumed by count, not by share: a queue's table is small and churns all day.
CREATE TABLE {schema}.jobs (
    id bigint PRIMARY KEY DEFAULT nextval('{schema}.jobs_id_seq'),
    state text NOT NULL CHECK (state IN ('available', 'scheduled', 'executing', 'retryable', 'suspended')),
    queue text NOT NULL,
    kind text NOT NULL CHECK (length(kind) BETWEEN 1 AND 200),
    priority smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 9),
    attempt int NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    max_attempts int NOT NULL DEFAULT 20 CHECK (max_attempts >= 1),
    lease bigint NOT NULL DEFAULT 0,
    snoozed int NOT NULL DEFAULT 0,
    rescues int NOT NULL DEFAULT 0,
    worker_id uuid,
    inserted_at timestamptz NOT NULL DEFAULT now(),
    scheduled_at timestamptz NOT NULL DEFAULT now(),
    attempted_at timestamptz,
    cancel_requested_at timestamptz,
    wake_requested_at timestamptz,
    cancel_reason text,
    limit_key text,
    unique_key bytea,
    unique_states text[],
    tags text[] NOT NULL DEFAULT '{}',
    args jsonb NOT NULL DEFAULT '{}',
    meta jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT jobs_executing_has_owner CHECK ((state = 'executing') = (worker_id IS NOT NULL)),
    CONSTRAINT jobs_executing_has_lease CHECK (state <> 'executing' OR (lease > 0 AND attempt > 0)),
    CONSTRAINT jobs_wake_only_while_executing CHECK (wake_requested_at IS NULL OR state = 'executing'),
    CONSTRAINT jobs_unique_key_has_states CHECK (unique_key IS NULL OR unique_states IS NOT NULL),
    CONSTRAINT jobs_unique_key_only_in_its_states CHECK (unique_key IS NULL OR state = ANY (unique_states))
) WITH (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 10000,
    autovacuum_vacuum_cost_delay = 0
);

ALTER SEQUENCE {schema}.jobs_id_seq OWNED BY {schema}.jobs.id;

-- One index per question: which may start, which are due, what does this worker own, is there a twin.
CREATE INDEX jobs_claim ON {schema}.jobs (queue, priority, scheduled_at, id) WHERE state = 'available';
CREATE INDEX jobs_stage ON {schema}.jobs (scheduled_at) WHERE state IN ('scheduled', 'retryable');
CREATE INDEX jobs_running ON {schema}.jobs (worker_id, id) WHERE state = 'executing';
CREATE UNIQUE INDEX jobs_unique ON {schema}.jobs (unique_key) WHERE unique_key IS NOT NULL;

-- Finished jobs, written once per life of a job, by day. The DEFAULT partition is a net: a day whose partition
-- is missing must stop no settle (doctor raises the alarm). The lease stays: (id, lease) proves who finished it.
CREATE TABLE {schema}.job_history (
    id bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('completed', 'cancelled', 'discarded')),
    queue text NOT NULL,
    kind text NOT NULL,
    priority smallint NOT NULL,
    attempt int NOT NULL,
    max_attempts int NOT NULL,
    lease bigint NOT NULL,
    snoozed int NOT NULL,
    rescues int NOT NULL,
    worker_id uuid,
    inserted_at timestamptz NOT NULL,
    scheduled_at timestamptz NOT NULL,
    attempted_at timestamptz,
    finished_at timestamptz NOT NULL,
    limit_key text,
    unique_key bytea,
    unique_states text[],
    tags text[] NOT NULL,
    args jsonb NOT NULL,
    meta jsonb NOT NULL,
    error jsonb,
    result jsonb,
    PRIMARY KEY (id, finished_at)
) PARTITION BY RANGE (finished_at);

CREATE INDEX job_history_state ON {schema}.job_history (state, queue, finished_at);
CREATE TABLE {schema}.job_history_default PARTITION OF {schema}.job_history DEFAULT;

-- A row per run that did not finish its job: error, snooze, rescue, interruption, stale result, and the old end of
-- a redriven job. The common case writes none. Bounded by retention, so no error list grows in the hot row.
CREATE TABLE {schema}.job_attempts (
    job_id bigint NOT NULL,
    lease bigint NOT NULL,
    attempt int NOT NULL,
    worker_id uuid,
    started_at timestamptz,
    ended_at timestamptz NOT NULL DEFAULT now(),
    outcome text NOT NULL CHECK (outcome IN ('error', 'snooze', 'rescue', 'interrupted', 'released',
                                             'stale', 'completed', 'cancelled', 'discarded')),
    error jsonb
) PARTITION BY RANGE (ended_at);

CREATE INDEX job_attempts_job ON {schema}.job_attempts (job_id, lease);
CREATE TABLE {schema}.job_attempts_default PARTITION OF {schema}.job_attempts DEFAULT;

-- Uniqueness that outlives the hot row: by period, or by finished states. The holder counts while it is unexpired
-- and its job is still in one of `states`; both are looked at when somebody meets the key, so that no settle pays.
CREATE TABLE {schema}.unique_keys (
    key bytea PRIMARY KEY,
    job_id bigint NOT NULL,
    states text[] NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX unique_keys_expiry ON {schema}.unique_keys (expires_at);

-- A row per limited queue (key '') or per value of its limit key: locked in a statement of its own before the
-- claim counts, so that a limit of one is never two. Tokens refill with time: the rate of starts.
CREATE TABLE {schema}.limiters (
    queue text NOT NULL,
    key text NOT NULL DEFAULT '',
    tokens double precision,
    refilled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (queue, key)
) WITH (fillfactor = 50);

-- Who does the cluster's chores: one row, held by a random id for a lease time. Two leaders are safe, only wasteful.
CREATE TABLE {schema}.leader (
    name text PRIMARY KEY,
    holder uuid NOT NULL,
    node text NOT NULL,
    elected_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Periodic jobs. cron_runs' primary key is inserted together with the job: two leaders cannot fire one minute twice.
CREATE TABLE {schema}.cron_entries (
    name text PRIMARY KEY,
    expression text NOT NULL,
    timezone text NOT NULL DEFAULT 'UTC',
    kind text NOT NULL,
    args jsonb NOT NULL DEFAULT '{}',
    options jsonb NOT NULL DEFAULT '{}',
    catch_up text NOT NULL DEFAULT 'last' CHECK (catch_up IN ('none', 'last', 'all')),
    dynamic boolean NOT NULL DEFAULT false,
    paused_at timestamptz,
    checked_until timestamptz NOT NULL DEFAULT now(),
    inserted_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE {schema}.cron_runs (
    name text NOT NULL,
    minute timestamptz NOT NULL,
    job_id bigint NOT NULL,
    inserted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, minute)
);

-- What operators did, when and to which jobs: written in the transaction of the action itself.
CREATE TABLE {schema}.operator_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    action text NOT NULL,
    subject jsonb NOT NULL,
    affected int NOT NULL
);

-- Both halves of every job's life, for pages and control; never for claiming.
CREATE VIEW {schema}.all_jobs AS
SELECT id, state, queue, kind, priority, attempt, max_attempts, lease, snoozed, rescues, worker_id,
       inserted_at, scheduled_at, attempted_at, NULL::timestamptz AS finished_at,
       cancel_requested_at, wake_requested_at, limit_key, unique_key, tags, args, meta,
       NULL::jsonb AS error, NULL::jsonb AS result
FROM {schema}.jobs
UNION ALL
SELECT id, state, queue, kind, priority, attempt, max_attempts, lease, snoozed, rescues, worker_id,
       inserted_at, scheduled_at, attempted_at, finished_at,
       NULL::timestamptz, NULL::timestamptz, limit_key, unique_key, tags, args, meta, error, result
FROM {schema}.job_history;

-- Makes the daily partition of one history table, unless it is there. CREATE … LIKE and ATTACH instead of
-- CREATE … PARTITION OF: that one needs a lock on the parent which it cannot get beside a reader.
CREATE FUNCTION {schema}.make_partition(parent text, day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    child text := parent || '_' || to_char(day, 'YYYYMMDD');
BEGIN
    IF to_regclass(format('{schema}.%I', child)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE {schema}.%I (LIKE {schema}.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                   child, parent);
    EXECUTE format('ALTER TABLE {schema}.%I ATTACH PARTITION {schema}.%I FOR VALUES FROM (%L) TO (%L)',
                   parent, child, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
    RETURN true;
END $$;

SELECT {schema}.make_partition(parent, day::date)
FROM unnest(ARRAY['job_history', 'job_attempts']) AS parent,
     generate_series((now() AT TIME ZONE 'UTC')::date - 1, (now() AT TIME ZONE 'UTC')::date + 7, '1 day') AS day;

INSERT INTO {schema}.schema_version (version) VALUES (1);
