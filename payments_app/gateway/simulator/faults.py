"""Fault rules: what goes wrong, for whom, how often, and on which side of the execution.

``before`` the execution a lost answer is a lost request; ``after`` it the money has moved and
nobody was told. No proxy on the wire can make that difference, so the gateway makes it itself::

    {"match": {"op": "confirm_intent", "key_prefix": "att:", "nth": 2, "card": "pm_card_visa"},
     "when": "after", "do": "drop", "times": 1, "probability": 0.1, "seed": 7}

``nth`` counts the requests that this rule's other conditions match; every rule counts every request
and the first rule that fires decides. ``late`` also takes ``delay_s`` and ``until`` (late.py),
``html`` takes ``status``. For ``late``, ``dup``, ``wrong_amount``, ``wrong_currency`` and
``foreign_intent`` the execution is part of the fault, so ``when`` says nothing. Rules live in
memory: a restart clears them.
"""

import threading
from dataclasses import dataclass, field

from payments_app.gateway.simulator import checks
from payments_app.gateway.simulator.errors import invalid
from payments_app.gateway.simulator.operations import ALIASES, OPERATIONS
from payments_app.gateway.simulator.values import Body, Call

ACTIONS = (
    "drop", "reset", "hang", "late", "500", "500_stored", "503", "429", "409", "dup",
    "truncate", "html", "wrong_amount", "wrong_currency", "foreign_intent",
)  # fmt: skip
# The answer tells of other money, or of somebody else's; the truth is as it was asked for.
ALTERING = frozenset({"wrong_amount", "wrong_currency", "foreign_intent"})
# Where a rule does not say: what refuses comes before the execution, what loses comes after it.
BEFORE_BY_DEFAULT = frozenset({"late", "503", "429", "409"})
RULE_FIELDS = ("match", "when", "do", "times", "probability", "seed", "delay_s", "until", "status")
MATCH_FIELDS = ("op", "key_prefix", "nth", "card")
UNTIL = ("newer", "delay", "released")
RULES_MAX = 100
LATE_S = 5.0
LATE_MAX_S = 600.0


@dataclass(slots=True)
class Rule:
    """One rule and its counters: requests seen that match, times fired."""

    do: str
    when: str
    ops: frozenset[str] = frozenset()
    key_prefix: str | None = None
    nth: int | None = None
    card: str | None = None
    times: int | None = None
    probability: float = 1.0
    seed: int = 0
    delay_s: float = LATE_S
    until: str = "newer"
    status: int = 200
    seen: int = 0
    fired: int = 0
    source: Body = field(default_factory=dict)

    def matches(self, call: Call, card: str | None) -> bool:
        return (
            (not self.ops or call.op in self.ops)
            and (self.key_prefix is None or (call.key or "").startswith(self.key_prefix))
            and (self.card is None or self.card == card)
        )

    def fires(self) -> bool:
        """Count one matching request and say whether it is hit."""
        self.seen += 1
        if self.nth is not None and self.seen != self.nth:
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        return checks.draw(self.seed, self.seen) < self.probability

    def shown(self) -> Body:
        return {**self.source, "seen": self.seen, "fired": self.fired}


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def replace(self, body: object) -> None:
        """Take new rules, all or none of them: a malformed one refuses the whole list."""
        rules = parse_rules(body)
        with self._lock:
            self._rules = rules

    def hit(self, call: Call, card: str | None) -> Rule | None:
        if not self._rules:
            return None
        with self._lock:
            firing = [rule for rule in self._rules if rule.matches(call, card) and rule.fires()]
            if not firing:
                return None
            firing[0].fired += 1
            return firing[0]

    def shown(self) -> Body:
        with self._lock:
            return {"rules": [rule.shown() for rule in self._rules]}

    def needs_card(self) -> bool:
        return any(rule.card is not None for rule in self._rules)


def parse_rules(body: object) -> list[Rule]:
    if not isinstance(body, dict) or not isinstance(body.get("rules"), list):
        message = 'Send {"rules": [...]}; an empty list clears all rules.'
        raise invalid(message, param="rules")
    if len(body["rules"]) > RULES_MAX:
        raise invalid(f"At most {RULES_MAX} rules.", param="rules")
    return [_rule(source, index) for index, source in enumerate(body["rules"])]


def _rule(source: object, index: int) -> Rule:
    where = f"rules[{index}]"
    given = checks.fields(source, RULE_FIELDS, where)
    inner = f"{where}.match"
    match = checks.fields(given.get("match", {}), MATCH_FIELDS, inner)
    do = checks.choice(given, "do", where, ACTIONS, default="")
    when = "before" if do in BEFORE_BY_DEFAULT else "after"
    return Rule(
        do=do,
        when=checks.choice(given, "when", where, ("before", "after"), default=when),
        ops=_ops(match.get("op"), f"{inner}.op"),
        key_prefix=checks.string(match, "key_prefix", inner),
        nth=checks.integer(match, "nth", inner, least=1),
        card=checks.string(match, "card", inner),
        times=checks.integer(given, "times", where, least=1),
        probability=checks.number(given, "probability", where, default=1.0, most=1.0),
        # Two rules without a seed must not fire in step.
        seed=checks.integer(given, "seed", where, least=0) or index,
        delay_s=checks.number(given, "delay_s", where, default=LATE_S, most=LATE_MAX_S),
        until=checks.choice(given, "until", where, UNTIL, default="newer"),
        status=checks.integer(given, "status", where, least=200, most=599) or 200,
        source=given,
    )


def _ops(value: object, where: str) -> frozenset[str]:
    names = value if isinstance(value, list) else [] if value is None else [value]
    full: set[str] = set()
    for name in names:
        known = ALIASES.get(name, name) if isinstance(name, str) else ""
        if known not in OPERATIONS:
            raise invalid(f"{where} must be one of {', '.join(OPERATIONS)}.", param=where)
        full.add(known)
    return frozenset(full)
