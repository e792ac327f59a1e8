"""States that can never differ again are one state.

Workers have no names; a key that no request will carry again is as good as forgotten; a request
for an intent that has succeeded or is cancelled can change nothing; and when all is over, only how
it ended counts. None of this removes a history: it merges histories with the same future.
"""

from tests.model.world import PAYMENT_FINAL, Gateway, Intent, Key, Left, Request, Row, State

NOTHING_LEFT = Left(*[0] * len(Left._fields))
RESENDABLE = ("sent", "unknown", "not_executed")


def reduced(state: State) -> State:
    one, two = state.workers
    if one > two:
        one, two = two, one
    if one.place == two.place == "idle" and _is_over(state):
        row, gateway = state.row, state.gateway
        return State(
            Row(row.status, posts=row.posts), Gateway(captures=gateway.captures), left=NOTHING_LEFT
        )
    late = state.late
    if late:
        late = tuple(r for r in late if _may_matter(state, r))
    asked = [w.request.key for w in (one, two) if w.place == "asking" and w.request]
    keys = _live_keys(state.row, {*asked, *(request.key for request in late)})
    kept = tuple(entry for entry in state.gateway.keys if entry[0] in keys)
    gateway = state.gateway
    if len(kept) != len(gateway.keys):
        gateway = gateway._replace(keys=kept)
    return State(state.row, gateway, (one, two), late, state.left, state.deadline)


def _is_over(state: State) -> bool:
    row = state.row
    if row.status not in PAYMENT_FINAL:
        return False
    return all(_absorbs(intent) for intent in state.gateway.intents) or not row.intent


def _absorbs(intent: Intent) -> bool:
    return intent.status in ("succeeded", "canceled")


def _may_matter(state: State, request: Request) -> bool:
    if request.op == "create":
        # An intent that appears late moves no money; it matters while one may still be kept.
        return not state.row.intent and state.row.status not in PAYMENT_FINAL
    return not _absorbs(state.gateway.intents[request.intent - 1])


def _live_keys(row: Row, asked: set[Key]) -> set[Key]:
    """Keys that a request carries, or may yet carry."""
    keys = set(asked)
    if row.status in PAYMENT_FINAL:
        return keys
    if not row.intent:
        keys.add(("create", row.create_key))
    keys.add(("cancel", row.cancel_key))
    if row.attempts:
        last = row.attempts[-1]
        if last.status in RESENDABLE and not last.spent and not last.old:
            keys.add(("confirm", len(row.attempts)))
    return keys
