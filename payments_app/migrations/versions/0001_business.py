"""The business schema, from an empty database. The statements are in 0001_business.sql."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Straight to psycopg, without parameters: the file's % signs are SQL, not placeholders.
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().connection.driver_connection.execute(statements)


def downgrade() -> None:
    raise RuntimeError("There is nothing before the first schema: restore a backup instead.")
