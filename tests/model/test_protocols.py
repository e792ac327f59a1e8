"""Which protocols are safe: one test per row of the table, each explored to its last state.

The unsafe ones must fail, and in the way that the table says: a check that finds nothing wrong
with the classroom's protocol proves nothing about ours. Their shortest counterexamples are printed
(``pytest -s``), and so are the numbers of states.
"""

import pytest

from tests.model import one_step, world
from tests.model.explorer import STUCK, Report, explore
from tests.model.gateway import REFUSALS
from tests.model.one_step import OneStep
from tests.model.reduction import NOTHING_LEFT
from tests.model.two_step import TwoStep
from tests.model.world import Left

TWICE = "double capture"
POSTED_TWICE = "double ledger post"
TAKEN = "money taken, recorded failed"


def budget(**left: int) -> Left:
    return NOTHING_LEFT._replace(**left)


# A lost, late or repeated message, a crash, a stolen lease, a forgotten key, a bank that says no.
EVERYTHING_ONCE = budget(faults=1, crashes=1, steals=1, forgets=1, refusals=1)
DECLINES = ("soft", "hard")


def told(report: Report) -> Report:
    print(f"\n{report}")  # noqa: T201 - counterexamples are there to be read
    return report


def one_step_report(letter: str, **budgets: int) -> Report:
    return told(explore(OneStep(one_step.VARIANTS[letter], **budgets), letter))


def two_step_report(
    letter: str,
    left: Left,
    *,
    what: str = "",
    refusals: tuple[str, ...] = REFUSALS,
    until_violated: bool = False,
) -> Report:
    model = TwoStep(world.VARIANTS[letter], left, refusals=refusals)
    return told(explore(model, f"{letter} {what}".strip(), until_violated=until_violated))


def test_a_the_classroom_takes_money_and_calls_it_failed_posts_twice_and_gets_stuck():
    report = one_step_report("A")

    assert set(report.traces) == {TAKEN, POSTED_TWICE, STUCK}
    assert report.traces[TAKEN] == [
        "worker 1: claims, reads pending",
        "worker 1: marks it processing",
        "worker 1: charge -> captured (answer lost)",
        "worker 1: records silence as failed",
    ]


def test_b_the_classroom_without_the_gateways_help_charges_twice():
    report = one_step_report("B")

    assert TWICE in report.traces
    assert "steals the lease" in " ".join(report.traces[TWICE])


def test_c_a_key_per_try_of_the_job_charges_and_posts_twice():
    assert {TWICE, POSTED_TWICE} <= set(one_step_report("C").traces)


def test_d_one_key_and_a_guarded_commit_are_safe_while_keys_are_kept_for_ever():
    assert one_step_report("D").verdict == "safe"


def test_e_one_key_charges_twice_on_the_day_the_gateway_forgets_it():
    report = one_step_report("E")

    assert TWICE in report.traces
    assert any("forgets key" in line for line in report.traces[TWICE])


def test_f_look_up_and_try_again_charges_twice_when_the_first_request_arrives_late():
    assert TWICE in one_step_report("F").traces


def test_g_a_void_is_a_fence_only_while_its_tombstone_is_kept():
    assert one_step_report("G").verdict == "safe"
    assert TWICE in one_step_report("G, tombstones forgotten").traces


def test_h_two_intents_of_which_the_last_written_wins_charge_twice():
    report = two_step_report("H", EVERYTHING_ONCE, until_violated=True, refusals=())

    assert set(report.traces) == {TWICE}


def test_i_an_intent_written_once_and_a_guarded_commit_are_safe():
    assert two_step_report("I", EVERYTHING_ONCE, refusals=("soft",)).verdict == "safe"


def test_i_is_safe_with_two_crashes():
    left = budget(crashes=2, steals=1, forgets=1, refusals=1)

    assert two_step_report("I", left, what="two crashes", refusals=("soft",)).verdict == "safe"


def test_j_it_is_not_the_lease_that_makes_it_safe():
    left = EVERYTHING_ONCE._replace(steals=0)

    assert two_step_report("J", left, refusals=("soft",)).verdict == "safe"


def test_k_an_unguarded_commit_posts_twice():
    report = two_step_report("K", EVERYTHING_ONCE, until_violated=True, refusals=())

    assert set(report.traces) == {POSTED_TWICE}


def test_l_a_hard_decline_that_ends_the_payment_takes_money_and_calls_it_failed():
    left = budget(faults=1, aging=1, refusals=1)

    report = two_step_report("L", left, until_violated=True, refusals=("hard",))

    assert set(report.traces) == {TAKEN}
    # Attempt 1 is under way; attempt 2 is declined; then attempt 1 arrives and captures.
    assert "late: confirm 1[key confirm:1]" in report.traces[TAKEN][-1]


M_SHORT = {
    "everything once": (EVERYTHING_ONCE, DECLINES),
    "cancel": (budget(faults=1, steals=1, refusals=1, cancels=1), REFUSALS),
    "deadline": (budget(faults=1, refusals=1, deadlines=2), REFUSALS),
    "another card": (budget(faults=1, refusals=2, cards=1), REFUSALS),
    "old keys": (budget(faults=1, refusals=1, forgets=1, aging=1), REFUSALS),
    "strange answers": (budget(steals=1, refusals=1, strange=1), REFUSALS),
    "webhooks": (budget(faults=1, refusals=1, looks=1), REFUSALS),
}


@pytest.mark.parametrize("what", M_SHORT)
def test_m_failed_only_behind_the_fence_is_safe_and_never_stuck(what):
    left, refusals = M_SHORT[what]

    assert two_step_report("M", left, what=what, refusals=refusals).verdict == "safe"


def test_m_is_safe_without_any_lease():
    left = budget(faults=1, refusals=1, cancels=1)

    assert two_step_report("M without a lease", left, refusals=DECLINES).verdict == "safe"


M_FULL = {
    "two crashes": EVERYTHING_ONCE._replace(crashes=2),
    "two faults": EVERYTHING_ONCE._replace(faults=2, crashes=0),
    "two keys forgotten": EVERYTHING_ONCE._replace(forgets=2, aging=1, crashes=0),
    "cancel and deadline": budget(
        faults=1, crashes=1, steals=1, refusals=1, cancels=1, deadlines=2
    ),
    "cards and keys": budget(faults=1, steals=1, forgets=1, aging=1, refusals=2, cards=1),
    "strange and webhooks": budget(faults=1, steals=1, refusals=1, strange=1, looks=1, cancels=1),
}


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("letter", ["M", "M without a lease"])
@pytest.mark.parametrize("what", M_FULL)
def test_m_is_safe_and_never_stuck_within_larger_budgets(letter, what):
    assert two_step_report(letter, M_FULL[what], what=what).verdict == "safe"


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("letter", ["I", "J"])
def test_i_and_j_are_safe_within_larger_budgets(letter):
    left = EVERYTHING_ONCE._replace(crashes=2, refusals=2)

    report = two_step_report(letter, left, what="full", refusals=("soft", "processing"))

    assert report.verdict == "safe"


@pytest.mark.full
def test_d_and_g_are_safe_within_larger_budgets():
    for letter in ("D", "G"):
        assert one_step_report(letter, faults=2, crashes=2).verdict == "safe"
