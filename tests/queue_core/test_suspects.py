"""R8: a suspect runs alone, and waiting for that is bounded."""

from queue_core.runtime.suspects import HOLD_S, REST_S, Suspects


def test_claims_are_held_until_the_process_is_idle_and_while_the_suspect_runs() -> None:
    suspects = Suspects()
    suspects.seen(0.0)
    assert suspects.hold_claims(1.0, is_idle=False)
    assert not suspects.is_time(1.0, is_idle=False)

    assert suspects.is_time(2.0, is_idle=True)
    suspects.tried(found=True, now_s=2.0)

    assert suspects.hold_claims(1000.0, is_idle=False)
    assert not suspects.hold_claims(1001.0, is_idle=True)


def test_a_long_job_does_not_hold_its_process_back_for_long() -> None:
    suspects = Suspects()
    suspects.seen(0.0)

    assert not suspects.hold_claims(HOLD_S + 0.1, is_idle=False)
    suspects.seen(HOLD_S + 1)
    assert not suspects.hold_claims(HOLD_S + 1, is_idle=False)
    suspects.seen(HOLD_S + REST_S)
    assert suspects.hold_claims(HOLD_S + REST_S, is_idle=False)


def test_a_suspect_that_another_took_costs_nothing() -> None:
    suspects = Suspects()
    suspects.seen(0.0)

    suspects.tried(found=False, now_s=0.1)

    assert not suspects.hold_claims(0.1, is_idle=True)
