# Everything that is done here often. `make run` and `make test` need nothing else before them
# but Python 3.11+ and the package index.

PYTHON ?= python3
PORT ?= 8080
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --quiet --upgrade

.DEFAULT_GOAL := help
.PHONY: help setup run test screenshot lint bench format lock clean

help: ## list what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: .venv/run ## .venv, from the lock

.venv/run: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Placard needs Python 3.11 or newer: make PYTHON=python3.11 …'; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/run tests/requirements.lock
	$(PIP) install --require-hashes -r tests/requirements.lock
	@touch $@

run: setup ## the service in the local mode; LIVE=1 asks the real upstreams, PORT=8080
	@PLACARD_OFFLINE=$(if $(LIVE),off,on) $(BIN)/placard --local serve --port $(PORT)

test: .venv/dev ## the whole suite, with branch coverage
	$(BIN)/pytest --cov $(ARGS)

screenshot: .venv/dev ## the pictures that the looks are compared with: look at each
	$(BIN)/pytest tests/browser/test_looks.py --quiet --no-cov --approve

lint: .venv/dev ## ruff (check and format) and mypy, strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/dev ## what it costs and saves, measured; ARGS="warm cold": some of it
	$(BIN)/python -m tests.bench $(ARGS)

format: .venv/dev ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv/dev ## pin the newest versions that pyproject.toml allows, with hashes
	$(COMPILE) pyproject.toml --group build --output-file requirements.lock
	$(COMPILE) --group dev --constraint requirements.lock --output-file tests/requirements.lock

clean: ## remove what can be made again
	rm -rf .venv *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
