"""Performing jobs: one supervisor process, its children, and the chores of whoever leads the
cluster.
"""

from queue_core.runtime.options import RuntimeOptions
from queue_core.runtime.supervisor import run_supervisor

__all__ = ["RuntimeOptions", "run_supervisor"]
