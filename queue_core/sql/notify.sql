-- Says "look now" to listening workers. Called by the leader after staging, outside of transactions only: inside one it would serialise commits.
SELECT pg_notify(%(channel)s, %(payload)s)
