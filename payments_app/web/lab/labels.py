"""The short form of an event's sentence, for a box of some fifteen letters' width.

A table of patterns: who acts is said by the column already, so it is left out. A sentence that the
table does not know is shown whole, so nothing is hidden by a missing line here.
"""

import re

_ACTOR = r"(?:Worker [AB]|The gateway|The queue)"
# The first that matches wins; what it captures is put into its short form.
_SHORT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), short)
    for pattern, short in (
        (r"Worker . is killed: (\w+), process (\d+)", r"✕ \1, process \2"),
        (r"Worker .'s supervisor finds it dead.*", "found dead; its job goes back"),
        (r"Worker . stands still: (\w+).*", r"\1: stands still"),
        (r"Worker . wakes up.*", "SIGCONT: wakes up"),
        (r"Worker . comes too late: its lease is lost.*", "too late: the lease is lost"),
        (r"Worker . takes over [^:]*: (lease \d+);.*", r"takes the job over: \1"),
        (r"Worker . (takes|runs) the payment's job( again)?: (lease \d+)", r"\1 the job\2: \3"),
        (r"Worker . (takes|runs) (the .+ job)( again)?: (lease \d+)", r"\1 \2\3: \4"),
        (r"Worker . has lost a connection.*", "database connection lost"),
        (r"Worker . asks the gateway to charge that intent, with the key (.+)", r"charge, key \1"),
        (r"Worker . asks the gateway to prepare an intent of ([^;]+);.*", r"prepare intent, \1"),
        (r"Worker . asks the gateway how the intent stands.*", "how does the intent stand?"),
        (r"Worker . asks the gateway which refunds it has.*", "which refunds are there?"),
        (r"Worker . asks the gateway to (.+), with the key (.+)", r"\1, key \2"),
        (r"Worker . asks the gateway to (.+), without any key", r"\1, no key"),
        (r"Worker . asks the gateway (?:to )?(.+)", r"\1"),
        (r"Worker . hears: busy: .*", "busy: try again later"),
        (r"Worker . hears: unknown: (HTTP \d+).*", r"\1: outcome unknown"),
        (r"Worker . hears: (.+)", r"\1"),
        (r"No answer reaches .*", "the answer is lost"),
        (r"The queue takes the job from a worker.*", "the lease has run out"),
        (
            r"The gateway takes (\S+) from the card again: capture (\d+)",
            r"takes \1 again: \2 times",
        ),
        (r"The gateway takes (\S+) from the card", r"takes \1"),
        (r"The gateway answers 429.*", "429: nothing is executed"),
        (r"The request is still under way.*", "still under way in the network"),
        (r"The intent is cancelled.*", "intent cancelled for ever"),
        (r"Our attempt is unknown.*", "attempt unknown"),
        (r"The gateway knows this key.*", "key seen: first answer again"),
        (r"The gateway makes the intent.*", "intent made"),
        (r"The gateway forgets.*|A day passes.*", "a day passes: keys forgotten"),
        (r"The ledger has it: (\w+) of (.+)", r"\1 of \2"),
        (r"The payment's job is done", "the job is done"),
        (r"The (\w+)'s job failed .*", r"the \1's job fails: tried again"),
        (r"(.+): POST \S+ of ([^,]+), Idempotency-Key (.+)", r"\1: POST \2, key \3"),
        (r"Our answer: (\d+), accepted.*", r"\1, accepted"),
        (r"Our answer: (\d+), the first answer again.*", r"\1, the first answer again"),
        (r"Our answer: (\d+), the first request .* still running", r"\1: the first still runs"),
        (r"Our answer: (\d+), this key belongs .*", r"\1: this key, another sum"),
        (r"(\w+ is told: )Refund .* is under way\..*", r"\1a refund is under way"),
        (r"Delivery (\d+) of a webhook arrives: (.+)\. We have it already", r"webhook \1: known"),
        (r"Delivery (\d+) of a webhook arrives: (.+)", r"webhook \1: \2"),
        (r"(?:Our|The) (\w+) is (.+)", r"\1 \2"),
        (r"Worker . is held here", "held here"),
        (rf"{_ACTOR} (.+)", r"\1"),
    )
)


def short(text: str) -> str:
    """``The gateway takes $120.00 from the card.`` → ``takes $120.00``."""
    plain = text.strip().removesuffix(".")
    for pattern, template in _SHORT:
        found = pattern.fullmatch(plain)
        if found is not None:
            return found.expand(template)
    return plain
