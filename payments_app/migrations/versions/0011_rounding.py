"""How an invoice rounds. The statements are in 0011_rounding.sql."""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Straight to psycopg, without parameters: the file's % signs are SQL, not placeholders.
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().connection.driver_connection.execute(statements)


def downgrade() -> None:
    raise RuntimeError("How invoices were rounded would be forgotten: restore a backup instead.")
