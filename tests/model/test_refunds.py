"""Which refund protocols are safe, and on which assumptions ours rests.

Creating a refund moves money at once, so there is no fence. Ours is safe if requests end within
the quiet time *or* keys are kept as promised; only when both fail can money go back twice.
"""

import pytest

from tests.model.explorer import Report, explore
from tests.model.refund_model import Assumptions, Refunds
from tests.model.refund_rows import Variant
from tests.model.refund_world import Left

TWICE = "double refund"
SENT_BACK = "money sent back, recorded failed"
NOTHING_LEFT = Left(*[0] * len(Left._fields))
EVERYTHING_ONCE = Left()
NEITHER = Assumptions(requests_end=False, keys_are_kept=False)


def report(
    what: str,
    left: Left,
    variant: Variant | None = None,
    assumptions: Assumptions | None = None,
    *,
    until_violated: bool = False,
    refunds_max: int = 2,
) -> Report:
    model = Refunds(left, variant, assumptions, refunds_max=refunds_max)
    found = explore(model, f"refunds, {what}", until_violated=until_violated)
    print(f"\n{found}")  # noqa: T201 - counterexamples are there to be read
    return found


def test_refunds_are_sent_once_and_come_to_an_end():
    assert report("everything once", EVERYTHING_ONCE).verdict == "safe"


def test_refunds_that_stay_pending_or_fail_at_the_gateway_agree_with_it():
    left = NOTHING_LEFT._replace(faults=1, steals=1, pendings=2)

    assert report("pending", left).verdict == "safe"


def test_an_answer_that_makes_no_sense_goes_to_a_person_and_moves_nothing():
    left = NOTHING_LEFT._replace(faults=1, steals=1, strange=1)

    assert report("strange answers", left).verdict == "safe"


@pytest.mark.parametrize(
    ("what", "assumptions"),
    [
        ("requests of any age", Assumptions(requests_end=False)),
        ("keys forgotten at any time", Assumptions(keys_are_kept=False)),
    ],
)
def test_one_of_the_two_assumptions_is_enough(what, assumptions):
    found = report(what, EVERYTHING_ONCE, assumptions=assumptions, refunds_max=1)

    assert found.verdict == "safe"


def test_without_either_assumption_money_goes_back_twice():
    found = report("no assumption", EVERYTHING_ONCE, assumptions=NEITHER, until_violated=True)

    assert set(found.traces) == {TWICE}


def test_sending_again_without_a_look_at_the_list_leans_on_keys_alone():
    found = report(
        "no list",
        EVERYTHING_ONCE,
        Variant(lists=False),
        Assumptions(keys_are_kept=False),
        until_violated=True,
    )

    assert set(found.traces) == {TWICE}


def test_a_new_key_for_each_send_refunds_twice():
    found = report("new keys", EVERYTHING_ONCE, Variant(new_key=True), NEITHER, until_violated=True)

    assert set(found.traces) == {TWICE}


@pytest.mark.parametrize("rule", ["in_use_is_unsent", "old_lists_count", "refusal_is_quiet"])
def test_each_rule_about_what_may_be_under_way_is_needed(rule):
    without = Variant(**{rule: True})

    found = report(rule, EVERYTHING_ONCE, without, Assumptions(keys_are_kept=False), refunds_max=1)

    assert found.traces.keys() & {TWICE, SENT_BACK}


def test_a_409_taken_for_never_sent_refunds_twice_even_when_keys_are_kept():
    found = report("409", EVERYTHING_ONCE, Variant(in_use_is_unsent=True), until_violated=True)

    assert set(found.traces) == {TWICE}


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "assumptions",
    [Assumptions(), Assumptions(requests_end=False), Assumptions(keys_are_kept=False)],
)
def test_refunds_are_safe_within_larger_budgets(assumptions):
    left = Left(faults=2, crashes=1, steals=1, forgets=1, aging=1, refusals=1, pendings=1)

    assert report(f"full {assumptions}", left, assumptions=assumptions).verdict == "safe"
