-- Version 2: every day of history has a partition per state, so that retention drops the completed jobs of a day
-- without the discarded ones. Days made before keep their one partition, until the longest retention is over.
-- CHECKs say more of what one row can show. Worker rows know since when their supervisor lives: `@reboot` asks.

ALTER TABLE {schema}.jobs
    ADD CONSTRAINT jobs_cancel_only_while_executing CHECK (cancel_requested_at IS NULL OR state = 'executing'),
    ADD CONSTRAINT jobs_counts_are_not_negative CHECK (lease >= 0 AND snoozed >= 0 AND rescues >= 0);

ALTER TABLE {schema}.workers ADD COLUMN supervisor_started_at timestamptz NOT NULL DEFAULT now();

-- The key of windowed uniqueness travels with the job, so that a redrive can see that a newer twin holds it.
ALTER TABLE {schema}.jobs ADD COLUMN window_key bytea;
ALTER TABLE {schema}.job_history ADD COLUMN window_key bytea;

-- A primary key must name every column that the partitions are made by.
ALTER TABLE {schema}.job_history DROP CONSTRAINT job_history_pkey;
ALTER TABLE {schema}.job_history ADD PRIMARY KEY (id, finished_at, state);
ALTER TABLE {schema}.job_history
    ADD CONSTRAINT job_history_result_of_completed CHECK (result IS NULL OR state = 'completed');

-- Makes the daily partition of one history table, unless it is there. CREATE … LIKE and ATTACH instead of
-- CREATE … PARTITION OF: that one needs a lock on the parent which it cannot get beside a reader.
CREATE OR REPLACE FUNCTION {schema}.make_partition(parent text, day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    child text := parent || '_' || to_char(day, 'YYYYMMDD');
    shape text := format('CREATE TABLE {schema}.%I (LIKE {schema}.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                         child, parent);
    one text;
BEGIN
    IF to_regclass(format('{schema}.%I', child)) IS NOT NULL THEN
        RETURN false;
    END IF;
    IF parent = 'job_history' THEN
        EXECUTE shape || ' PARTITION BY LIST (state)';
        FOREACH one IN ARRAY ARRAY['completed', 'cancelled', 'discarded'] LOOP
            EXECUTE format('CREATE TABLE {schema}.%I PARTITION OF {schema}.%I FOR VALUES IN (%L)',
                           child || '_' || one, child, one);
        END LOOP;
    ELSE
        EXECUTE shape;
    END IF;
    EXECUTE format('ALTER TABLE {schema}.%I ATTACH PARTITION {schema}.%I FOR VALUES FROM (%L) TO (%L)',
                   parent, child, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
    RETURN true;
END $$;

-- Days that hold nothing yet are made anew.
DO $$
DECLARE
    day date;
    child text;
    is_used boolean;
BEGIN
    FOR day IN SELECT (now() AT TIME ZONE 'UTC')::date + i FROM generate_series(-1, 7) AS i LOOP
        child := 'job_history_' || to_char(day, 'YYYYMMDD');
        IF to_regclass('{schema}.' || child) IS NOT NULL THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM {schema}.%I)', child) INTO is_used;
            CONTINUE WHEN is_used;
            EXECUTE format('DROP TABLE {schema}.%I', child);
        END IF;
        PERFORM {schema}.make_partition('job_history', day);
    END LOOP;
END $$;

INSERT INTO {schema}.schema_version (version) VALUES (2);
