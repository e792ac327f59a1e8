"""Events for others, and their deliveries. The statements are in 0006_outbound.sql."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Straight to psycopg, without parameters: the file's % signs are SQL, not placeholders.
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().connection.driver_connection.execute(statements)


def downgrade() -> None:
    raise RuntimeError("What others were told stays told: restore a backup instead of dropping it.")
