# Each target is one line that also works without make, once `python3 install.py --for test` has
# filled .venv. Settings are variables: make run PORT=9000 PYTHON=python3.12 DATA_DIR=/srv/data
PYTHON ?= python3
VENV := .venv/bin
# Many processes are started; each would compile the whole source again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-full check bench demo exercise clean install install-test install-bench

# exec: TERM sent to make reaches the tree itself, not a shell in between; and the tree is told whose
# death is its own.
run: install
	@RUN_PARENT_PID=$$PPID exec $(VENV)/python -m flask --app "payments_app:create_app(edges=False)" run-all

test: install-test
	@exec $(VENV)/python -m pytest -n auto --maxprocesses 8 --dist loadgroup

test-full: install-test
	@exec $(VENV)/python -m pytest -n auto --maxprocesses 8 --dist loadgroup -m "full or not full"

check: install-test
	@exec $(VENV)/python .ci/check.py

# ONLY="drain latency" chooses scenarios, QUICK=1 does a tenth of the work; see docs/benchmarks.md.
bench: install-bench
	@exec benchmarks/.venv/bin/python -m benchmarks $(ONLY) $(if $(QUICK),--quick)

demo: install
	@exec $(VENV)/python demos/replay_duplicates.py

# Yours, and where it stands; SOLUTION=1 judges ours. See docs/guide/exercise.md. To be half way is
# no error.
exercise: install
	@$(VENV)/python -m exercise $(if $(SOLUTION),exercise/solution.py,|| true)

clean:
	@exec $(PYTHON) .ci/clean.py

install:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). Install Python 3.11 or newer, or name one: make run PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) install.py --for run

install-test:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). Install Python 3.11 or newer, or name one: make test PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) install.py --for test

install-bench:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). Install Python 3.11 or newer, or name one: make bench PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) benchmarks/install.py
