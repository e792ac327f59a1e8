"""What each kind of break means, and what is done about it: by a rule, or by a person."""

from payments_app.domain.reconciliation import BreakKind

_K = BreakKind
_RULE = "The next run looks at the gateway once more and repairs it by itself."
_PERSON = "Find out in the gateway’s dashboard whose it is, act there, and say what was done."

_BOUNCED = "If it failed there after all, the next run records that by itself. If not: " + _PERSON

# Kind → what it means, what helps.
WHAT = {
    _K.CAPTURED_NOT_COMPLETED: ("They took money that we do not hold as taken", _RULE),
    _K.COMPLETED_NOT_CAPTURED: ("We hold money as taken that they do not have", _PERSON),
    _K.CAPTURED_TWICE: ("They took the money more than once", "Refund one charge there, at once."),
    _K.CAPTURED_AMOUNT_DIFFERS: ("They took another amount than we hold", _PERSON),
    _K.CAPTURE_OF_NOBODY: ("They took money of no payment of ours", _PERSON),
    _K.REFUNDED_NOT_COMPLETED: ("They gave money back that we do not hold as given", _RULE),
    _K.REFUND_NOT_MADE: ("We hold a refund as given that they do not have", _BOUNCED),
    _K.REFUND_AMOUNT_DIFFERS: ("They gave back another amount than we hold", _PERSON),
    _K.REFUND_OF_NOBODY: ("They gave money back that we did not ask for", _PERSON),
    _K.DISPUTES_DIFFER: ("They hold other disputes of this payment than we do", _RULE),
    _K.LEDGER_DIFFERS: ("Our ledger and their account differ for this payment", _PERSON),
}
