# Everything that is done here often. `make run` and `make test` need nothing else before them
# but Python 3.11+ and the package index.

PYTHON ?= python3
PORT ?= 8080
SECONDS ?= 120
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Installing does not resolve: what the locks name is installed, and nothing else. `pip check` then
# shows that nothing is missing. So it matters neither what was released since, nor which pip it is.
# What is loaded is compiled then: few of the ten thousand modules of the clients ever are.
INSTALL := $(PIP) install --no-compile --no-deps --require-hashes --requirement
CHECK := $(PIP) check
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --quiet --upgrade
# Two processes for each core (tests/conftest.py). Each takes neighbouring tests, which share
# fixtures, and at the end those of the others.
ON_ALL_CORES := -n auto --dist worksteal
LOCKS := requirements.lock tests/requirements.lock

# The environment is used as it is where its installation was completed in this folder, its Python
# works, and no other Python is asked for (make PYTHON=…). If not, it is made anew.
VERSION := -c 'import pip, sys; print(sys.version)'
ASKED := $(if $(filter file,$(origin PYTHON)),$(BIN)/python,$(PYTHON))
USABLE := $(shell exec 2>/dev/null; grep -qF "$$(pwd -P)/$(BIN)/" $(BIN)/placard \
	&& installed="$$($(BIN)/python $(VERSION))" \
	&& test "$$installed" = "$$($(ASKED) -c 'import sys; print(sys.version)')" && echo yes)

# Without its bytecode each process of a test or a service compiles the code anew, for a second.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run test check fuzz screenshot assets lint types bench format lock clean anew

help: ## list what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: .venv/run ## .venv, from the lock

.venv/locked: $(LOCKS) $(if $(USABLE),,anew)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Placard needs Python 3.11 or newer: make PYTHON=python3.11 …'; exit 1; }
	@rm -f $@
	$(PYTHON) -m venv --clear .venv
	$(INSTALL) requirements.lock
	@touch $@

.venv/run: .venv/locked pyproject.toml
	$(PIP) install --no-index --no-deps --no-build-isolation --editable .
	$(CHECK)
	@touch $@

.venv/dev: .venv/run
	$(INSTALL) tests/requirements.lock
	$(CHECK)
	@touch $@

run: setup ## the service in the local mode; LIVE=1 asks the real upstreams, PORT=8080
	@PLACARD_OFFLINE=$(if $(LIVE),off,on) $(BIN)/placard --local serve --port $(PORT)

test: .venv/dev ## the whole suite on all cores, with branch coverage
	$(BIN)/python -m pytest $(ON_ALL_CORES) -p tests.probes --cov $(ARGS)

check: lint ## after each change: lint, types, and the tests without a server or a browser
	$(BIN)/pytest $(ON_ALL_CORES) -m 'not server and not browser' --hypothesis-profile=first \
		--quiet $(ARGS)

fuzz: .venv/dev ## the property tests with many examples: SECONDS=120, SEED=… repeats a run
	@seed=$${SEED:-$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}; echo "make fuzz SEED=$$seed"; \
	$(BIN)/python -m pytest $(ON_ALL_CORES) -m hypothesis --hypothesis-profile=fuzz \
		--hypothesis-seed=$$seed -p randomly --randomly-seed=$$seed \
		-p tests.fuzz --seconds=$(SECONDS) --quiet $(ARGS) \
		|| { echo "To repeat it: make fuzz SEED=$$seed"; exit 1; }

screenshot: .venv/dev ## the pictures that the looks are compared with: look at each
	$(BIN)/pytest tests/browser/test_looks.py --quiet --no-cov --approve

assets: ## the editor's code and the systems' marks, of what their own lock pins (needs Node)
	cd app/devtools/preview/vendor && npm ci --no-progress && node build.js

lint: types ## ruff (check and format) and mypy, strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev ## mypy, strict
	$(BIN)/mypy

bench: .venv/dev ## what it costs and saves, measured; ARGS="warm cold": some of it
	$(BIN)/python -m tests.bench $(ARGS)

format: .venv/dev ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Where pyproject.toml asks for more than the locks hold, only new locks make `pip check` pass.
lock: CHECK := :
lock: .venv/dev ## pin the newest versions that pyproject.toml allows, with hashes
	$(COMPILE) pyproject.toml --group build --output-file requirements.lock
	$(COMPILE) --group dev --constraint requirements.lock --output-file tests/requirements.lock
	$(COMPILE) --group older --no-deps --output-file tests/python/requirements.lock

clean: ## remove what can be made again
	rm -rf .venv *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
