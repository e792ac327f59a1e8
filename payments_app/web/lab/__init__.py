"""The lab's pages: see it charge once. Scenarios, runs as they happen, and what came of them."""

from payments_app.web.lab import control, home, matrix, play, runs, scenarios
from payments_app.web.lab.blueprint import bp

__all__ = ["bp", "control", "home", "matrix", "play", "runs", "scenarios"]
