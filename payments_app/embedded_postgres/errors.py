"""What can go wrong with the embedded server, said with the way out."""

DATABASE_URL_HINT = (
    "Or use any PostgreSQL from version 15 on:"
    " DATABASE_URL=postgresql://user:password@host:5432/name"
)


class EmbeddedPostgresError(Exception):
    """The embedded server cannot be used here. The message says why and what to do."""
