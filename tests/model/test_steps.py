"""The model's steps and the code's checkpoints name each other, so neither can drift away."""

import ast
import inspect
import textwrap

import pytest

from queue_core import checkpoints
from tests.model import world
from tests.model.explorer import Model, Move, explore
from tests.model.reduction import NOTHING_LEFT
from tests.model.refund_model import Refunds
from tests.model.refund_world import Left as RefundsLeft
from tests.model.steps import KILLED_AT, steps_of
from tests.model.two_step import TwoStep
from workers.payment_processor import PaymentProcessor
from workers.refund_processor import RefundProcessor

WORKERS = {"payment": PaymentProcessor, "refund": RefundProcessor}
MODELS: dict[str, Model] = {
    "payment": TwoStep(world.VARIANTS["M"], NOTHING_LEFT._replace(crashes=1)),
    "refund": Refunds(RefundsLeft(), refunds_max=1),
}


def reached_in(worker: type, method: str) -> list[str]:
    """The checkpoints that a method reaches, in the order in which they are written."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(getattr(worker, method))))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    reaches = [call for call in calls if getattr(call.func, "id", "") == "reach"]
    ordered = sorted(reaches, key=lambda call: call.lineno)
    return [str(ast.literal_eval(call.args[0])) for call in ordered]


@pytest.mark.parametrize("subject", WORKERS)
def test_every_checkpoint_of_the_code_is_in_the_model_and_the_other_way_round(subject):
    known = {name for name in checkpoints.names_known() if name.startswith(f"{subject}.")}

    assert {name for step in steps_of(subject).values() for name in step.checkpoints} == known
    assert {f"{subject}.{place}" for place in KILLED_AT} == known


@pytest.mark.parametrize("subject", WORKERS)
@pytest.mark.parametrize("name", ["decide", "ask", "record"])
def test_a_step_of_the_model_is_a_method_that_reaches_its_checkpoints_in_order(subject, name):
    step = steps_of(subject)[name]

    assert reached_in(WORKERS[subject], step.method) == list(step.checkpoints)


@pytest.mark.parametrize("subject", WORKERS)
def test_the_model_takes_every_step_and_crashes_wherever_a_kill_leaves_a_worker(subject):
    model = MODELS[subject]
    taken: set[str] = set()
    crashed: set[str] = set()

    def look(state):
        for move in model.moves(state):
            taken.add(move.step)
            if is_crash(move):
                number = int(str(move.label[0])[-1]) - 1
                crashed.add(state.workers[number].place)

    explore(model, subject, visit=look)

    assert taken - {""} == set(steps_of(subject))
    # Nothing is lost with a worker that stands idle, so its crash is no event.
    assert crashed == set(KILLED_AT.values()) - {"idle"}


def is_crash(move: Move) -> bool:
    return any("crashes" in str(part) for part in move.label)
