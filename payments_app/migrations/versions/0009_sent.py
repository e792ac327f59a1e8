"""What is asked begins as sent. The statements are in 0009_sent.sql."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Straight to psycopg, without parameters: the file's % signs are SQL, not placeholders.
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().connection.driver_connection.execute(statements)


def downgrade() -> None:
    raise RuntimeError("Rows that were sent at once would be refused: restore a backup instead.")
