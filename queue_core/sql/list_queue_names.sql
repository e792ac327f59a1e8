-- Names for the error of an unknown queue. Called by enqueue.
SELECT name FROM {schema}.queues ORDER BY name
