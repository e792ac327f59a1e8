"""Pages of objects, newest first, with Stripe's cursors: ``limit`` and ``starting_after``."""

from collections.abc import Callable
from dataclasses import dataclass
from sqlite3 import Row

from payments_app.gateway.simulator import forms
from payments_app.gateway.simulator.errors import missing
from payments_app.gateway.simulator.objects import page_object
from payments_app.gateway.simulator.store import Transaction
from payments_app.gateway.simulator.values import Answer, Body, Call


@dataclass(frozen=True, slots=True)
class Listing:
    """One kind of object that can be listed; ``filters`` maps a parameter to its column."""

    table: str
    shown: Callable[[Row], Body]
    filters: dict[str, str]

    def __call__(self, tx: Transaction, call: Call) -> Answer:
        forms.known(call.params, {"limit", "starting_after", *self.filters})
        size = forms.page_size(call.params)
        wheres, values = ["1 = 1"], list[object]()
        for param, column in self.filters.items():
            if (value := forms.text(call.params, param)) is not None:
                wheres.append(f"{column} = ?")
                values.append(value)
        if (after := forms.text(call.params, "starting_after")) is not None:
            wheres.append("seq < ?")
            values.append(self._position(tx, after))

        # Table and columns are ours; what the caller gave is bound.
        sql = f"SELECT * FROM {self.table} WHERE {' AND '.join(wheres)}"  # noqa: S608
        rows = tx.all(f"{sql} ORDER BY seq DESC LIMIT ?", *values, size + 1)
        items = [self.shown(row) for row in rows[:size]]
        page = page_object(call.path, items, has_more=len(rows) > size)
        return Answer(200, page, intent=forms.text(call.params, "payment_intent"), executed=True)

    def _position(self, tx: Transaction, object_id: str) -> int:
        row = tx.one(f"SELECT seq FROM {self.table} WHERE id = ?", object_id)  # noqa: S608
        if row is None:
            raise missing(self.table, object_id, param="starting_after", status=400)
        return int(row["seq"])
