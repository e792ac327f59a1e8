"""What seed.py puts into an empty database: the plan, its making, and its dates in the past."""
