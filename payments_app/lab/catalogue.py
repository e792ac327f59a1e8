"""Every scenario of the lab, in the order of their numbers."""

from payments_app.lab.scenario import Scenario
from payments_app.lab.scenarios import crashes, jobs

SCENARIOS: tuple[Scenario, ...] = tuple(
    sorted((*jobs.SCENARIOS, *crashes.SCENARIOS), key=lambda scenario: scenario.number)
)
BY_ID = {scenario.id: scenario for scenario in SCENARIOS}


def find(name: str) -> Scenario:
    """By id or by number: ``kill-after-capture`` or ``7``. Raises KeyError."""
    for scenario in SCENARIOS:
        if name in (scenario.id, str(scenario.number)):
            return scenario
    raise KeyError(name)
