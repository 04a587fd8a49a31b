# `make search` and `make test` work on a fresh clone: they need Python 3.11 or newer (with venv) and make, nothing else.
PYTHON ?= python3
WORKERS ?= 2
# Seconds that a test may take to be one of those that `make test` runs, besides `core` ones (tests/durations.json has each one's).
LONGEST ?= 2

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# One thread a process: more threads than cores make small trainings many times slower. Compiled modules are kept,
# wherever that is turned off: every process of every test would compile them again.
TEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS)

.PHONY: search test test-quick test-all exactness durations gpu check clean

search: $(READY)  ## a first search on the default data: up to twenty minutes on two cores
	$(BIN)/nas-scale search --target-flops 400M

test: check  ## ruff, mypy, the tests of two seconds or less, and `core` ones: 17 min on two slow cores, 2026-11-28
	$(TEST) --at-most $(LONGEST)

test-quick: $(READY)  ## what starts no processes and takes no time: under a minute
	$(TEST) --at-most 0.25 -m "not slow and not exactness and not process"

test-all: check  ## every test but `exactness`, properties with 300 examples each
	$(TEST) -m "not exactness" --hypothesis-profile thorough

exactness: $(READY)  ## every figure against independent counters: thousands of nets, ten to twenty minutes
	$(TEST) -m exactness

durations: $(READY)  ## records how long each test takes, for LONGEST: on a machine that does nothing else
	$(TEST) --record-durations

gpu:  ## everything that only a GPU can tell, in one call: make gpu GPU_ARGS="--out OUT ..." (benchmarks/README.md)
	PYTHON=$$(test -x $(BIN)/python && echo $(BIN)/python || echo $(PYTHON)) bash benchmarks/gpu.sh $(GPU_ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; try make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the packages of requirements.lock into $(VENV), a minute or two ..."
	$(PIP) -r requirements.lock
	$(PIP) --no-deps --editable .
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find nas_scale tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
