"""A payment gateway to be wrong with: its own process, its own file, its own clock.

It speaks a subset of Stripe's API, so the adapter that talks to it talks to the real thing by
changing two settings. It imports nothing else of this project: what it holds is the *ground
truth* of every claim about money, and killing or rewinding anything of ours never touches it.

One request travels through five files::

    server.py   bytes to a WSGI call and back; drops, resets, holds and truncates on request
    app.py      route, API key, form decoding            control.py   /_sim: journal, faults, clock
    engine.py   rate limit, fault, idempotency key, execution, journal: one transaction
    intents.py, charges.py, refunds.py                   what an operation does

Test cards are in ``cards.py``, fault rules in ``faults.py``, webhooks out in ``webhooks.py``.
"""
