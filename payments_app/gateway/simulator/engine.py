"""One request, from its arrival to its answer; the order of these steps is the gateway's promise.

Rate limit, fault before, key in flight, then *one transaction*: replay or execute, remember under
the key, write the journal. Then the fault after, which changes what is told and not what is true.
"""

import threading
from dataclasses import replace

from payments_app.gateway.simulator import disguise, intents, journal, keys, refunds
from payments_app.gateway.simulator.cards import CARDS, Card
from payments_app.gateway.simulator.faults import ALTERING, Faults, Rule
from payments_app.gateway.simulator.keys import KeysInFlight
from payments_app.gateway.simulator.late import LateRequests
from payments_app.gateway.simulator.limits import TokenBucket
from payments_app.gateway.simulator.operations import OPERATIONS
from payments_app.gateway.simulator.store import Store, Transaction
from payments_app.gateway.simulator.values import Answer, Call, Refusal
from payments_app.gateway.simulator.webhooks import Courier

ASKS_BANK = frozenset({"confirm_intent", "create_charge"})


class Engine:
    """The gateway without its wire."""

    def __init__(self, store: Store, courier: Courier) -> None:
        self.store = store
        self.courier = courier
        self.faults = Faults()
        self.bucket = TokenBucket()
        self.late = LateRequests(lambda call: self._execute(call, fault="late"))
        self.stopping = threading.Event()
        self._in_flight = KeysInFlight()

    def answer(self, call: Call) -> tuple[Answer, str | None]:
        """The answer, and the fault that befell it."""
        try:
            self.bucket.take()
        except Refusal as refusal:
            return self._unexecuted(call, refusal.answer, None), None
        rule = self.faults.hit(call, self._card_name(call) if self.faults.needs_card() else None)
        if rule is None:
            return self._execute(call), None
        return self._struck(call, rule), rule.do

    def reset(self) -> None:
        """As new: no objects, keys, journal, faults, limits; the clock is the machine's again."""
        self.late.forget()
        self.faults.replace({"rules": []})
        self.bucket.set(None, 0)
        self.courier.reset()
        self.store.reset()

    def settle_due(self) -> None:
        with self.store.transaction() as tx:
            _settle_due(tx)
        self.courier.events_written()

    def _struck(self, call: Call, rule: Rule) -> Answer:
        match rule.do, rule.when:
            case "late", _:
                self.late.hold(call, rule)
                return self._unexecuted(call, disguise.made_up(rule), "late")
            case "dup", _:
                self._execute(call, rule, fault="dup")
                return self._execute(call, rule, fault="dup")
            case "500_stored", "before":
                return self._execute(call, rule, fault=rule.do)
            case _ if rule.do in ALTERING:
                return self._execute(call, rule, fault=rule.do)
            case _, "before":
                return self._unexecuted(call, disguise.made_up(rule), rule.do)
            case _:
                return self._execute(call, rule, fault=rule.do)

    def _execute(self, call: Call, rule: Rule | None = None, *, fault: str | None = None) -> Answer:
        try:
            keys.check(call.key)
            with self._in_flight.holding(call.key):
                self._wait_for_bank(call)
                with self.store.transaction() as tx:
                    truth = self._perform(tx, call, rule)
                    told = self._told(call, truth, rule)
                    journal.record(tx, call, told, fault=fault)
        except Refusal as refusal:
            # Nothing was begun, so the transaction is gone; the journal still says who asked.
            told = refusal.answer if rule is None else disguise.changed(rule, refusal.answer)
            return self._unexecuted(call, told, fault)
        if tx.emitted:
            self.courier.events_written()
        if truth.executed:
            self.late.newer_executed(call)
        return told

    def _perform(self, tx: Transaction, call: Call, rule: Rule | None) -> Answer:
        _settle_due(tx)
        stored = keys.replay(tx, call) if call.key else None
        if stored is not None:
            return _with_subject(stored)
        store_error = rule is not None and rule.do == "500_stored"
        if rule is not None and store_error and rule.when == "before":
            answer = disguise.made_up(rule)
        else:
            answer = OPERATIONS[call.op].execute(tx, call)
        if call.key:
            keys.remember(tx, call, disguise.made_up(rule) if rule and store_error else answer)
        return answer

    def _told(self, call: Call, truth: Answer, rule: Rule | None) -> Answer:
        card = self._card_of(truth)
        if card is not None and card.silent and _asks_bank(call) and not truth.replayed:
            return replace(truth, wire="hang")
        return truth if rule is None else disguise.changed(rule, truth)

    def _unexecuted(self, call: Call, answer: Answer, fault: str | None) -> Answer:
        with self.store.transaction() as tx:
            journal.record(tx, call, answer, fault=fault)
        return answer

    def _wait_for_bank(self, call: Call) -> None:
        # Before the execution and with the key in flight: a slow bank has not decided yet.
        if not _asks_bank(call):
            return
        card = CARDS.get(self._card_name(call) or "")
        if card is not None and card.waits_s and not self._known_key(call):
            self.stopping.wait(card.waits_s)

    def _card_name(self, call: Call) -> str | None:
        named = call.params.get("payment_method")
        if named is None and call.op == "confirm_intent":
            with self.store.transaction() as tx:
                row = tx.one("SELECT payment_method FROM intent WHERE id = ?", call.target)
            named = row["payment_method"] if row else None
        return named if isinstance(named, str) else None

    def _known_key(self, call: Call) -> bool:
        with self.store.transaction() as tx:
            return call.key is not None and keys.replay(tx, call) is not None

    def _card_of(self, truth: Answer) -> Card | None:
        if isinstance(truth.body, str) or truth.body.get("status") != "succeeded":
            return None
        return CARDS.get(truth.body.get("payment_method", ""))


def _settle_due(tx: Transaction) -> None:
    intents.settle_due(tx)
    refunds.settle_due(tx)


def _asks_bank(call: Call) -> bool:
    return call.op in ASKS_BANK or call.params.get("confirm") == "true"


def _with_subject(stored: Answer) -> Answer:
    """Say in the journal whose answer was replayed."""
    if isinstance(stored.body, str):
        return stored
    shown = stored.body.get("error", stored.body)
    intent = shown.get("payment_intent")
    if isinstance(intent, dict):
        shown = intent
    payment = (shown.get("metadata") or {}).get("payment")
    named = shown["id"] if shown.get("object") == "payment_intent" else intent
    return replace(stored, intent=named, payment=payment)
