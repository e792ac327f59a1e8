"""The invariants I1 to I12, checked on live data against the gateway's own journal.

Our tables say what we believe; the gateway's journal says what happened to the money. A checker of
ours that read only our tables would believe every mistake it was meant to find, so the three
invariants about money compare the two, payment by payment, and the other ones recompute each stored
figure from the rows under it.

The audit can run at any time: payments on their way are left out where an invariant speaks of
payments at rest. The edge calls, in this order: ``read_rows`` (one snapshot), ``journal.fetch``
(no transaction is open), ``books.read`` again, ``compare``: that is ``look``. See ``flask audit``
and ``workers/auditor.py``.
"""

from payments_app.audit import books, journal
from payments_app.audit.finding import Finding
from payments_app.audit.money import compare
from payments_app.audit.rows import read_rows
from payments_app.audit.whole import look

__all__ = ["Finding", "books", "compare", "journal", "look", "read_rows"]
