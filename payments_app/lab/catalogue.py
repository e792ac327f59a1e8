"""Every scenario of the lab, in the order of their numbers."""

from payments_app.lab.scenario import Scenario
from payments_app.lab.scenarios import clicks, crashes, gateway, jobs, surroundings
from payments_app.lab.scenarios.play import FREE_PLAY
from payments_app.lab.scenarios.storm import STORM

_ALL = (
    *clicks.SCENARIOS,
    *jobs.SCENARIOS,
    *crashes.SCENARIOS,
    *gateway.SCENARIOS,
    *surroundings.SCENARIOS,
    STORM,
)
SCENARIOS: tuple[Scenario, ...] = tuple(sorted(_ALL, key=lambda scenario: scenario.number))
# Free play is no scenario: nothing is expected of it. It is started by its id, as they are.
BY_ID = {scenario.id: scenario for scenario in (*SCENARIOS, FREE_PLAY)}


def find(name: str) -> Scenario:
    """By id or by number: ``kill-after-capture`` or ``7``. Raises KeyError."""
    for scenario in SCENARIOS:
        if name in (scenario.id, str(scenario.number)):
            return scenario
    raise KeyError(name)
