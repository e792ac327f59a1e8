"""Written once, closed by its commit. The statements are in 0007_seals.sql."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Straight to psycopg, without parameters: the file's % signs are SQL, not placeholders.
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().connection.driver_connection.execute(statements)


def downgrade() -> None:
    raise RuntimeError("Without these seals a mistake by hand is silent: restore a backup instead.")
