# Every target; `make help` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
SPARK := .venv/.installed-spark
CLIENTS := tests/clients/node_modules/.installed
UV = $(or $(shell command -v uv 2> /dev/null),$(BIN)/uv)
# --inexact: where the machine has no uv it lives in this environment itself.
SYNC = $(UV) sync --quiet --locked --inexact --extra train --extra client --extra otel --extra pdf
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/.venv
# Threads that wait must not spin: two test processes share the cores with their models' threads.
export OMP_WAIT_POLICY := passive
# Tests start hundreds of processes: what one has compiled the others read, whatever the shell says.
export PYTHONDONTWRITEBYTECODE :=

ROOMS := features models ledger training serving lead_temperature

.PHONY: help install install-spark install-clients demo test test-fast test-slow $(ROOMS:%=test-%) mutants bench-features bench-quality bench-worlds bench-constants bench-audit bench-serving bench-report bench-reading bench-ledger bench-work bench-desk check format messages lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z_-]+:.*## / {printf "  make %-21s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Make .venv from the lock file

# An environment whose making was cut off, or whose Python is gone, is made anew.
MAKING := .venv/.making
HALF_MADE := $(shell test ! -e .venv || { test ! -e $(MAKING) && $(BIN)/python -c "" 2> /dev/null; } || echo yes)

.PHONY: remove-half-made
remove-half-made:
	@echo "The environment .venv is half made, or its Python is gone: making it anew."
	rm -rf .venv

$(INSTALLED): pyproject.toml uv.lock $(if $(HALF_MADE),remove-half-made)
	mkdir -p .venv && touch $(MAKING)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(UV) || { $(BIN)/python -m pip --version > /dev/null || $(BIN)/python -m ensurepip; }
	test -x $(UV) || $(BIN)/python -m pip install --quiet "uv>=0.9"
	$(SYNC)
	@$(BIN)/python -m checks.openmp
	rm $(MAKING) && touch $@

install-spark: $(SPARK) ## Add PySpark to .venv (its tests need Java 17, and are skipped without either)

$(SPARK): $(INSTALLED)
	$(SYNC) --extra spark
	touch $@

install-clients: $(CLIENTS) ## Add what generates clients from the OpenAPI document (their tests need Node and a JDK)

$(CLIENTS): $(INSTALLED) tests/clients/package-lock.json
	$(SYNC) --group clients
	npm ci --prefix tests/clients --ignore-scripts --no-audit --no-fund
	touch $@

demo: $(INSTALLED) ## From nothing to banded scores over HTTP, on a made-up CRM of LEADS=20000 leads
	$(BIN)/python demo.py $(LEADS)

# By file: what is made once for a module is made once. Grouping by marker does nothing from pytest
# 9.2 on (pytest-xdist issue 1386). More workers than cores, since many tests wait for a process.
PYTEST = $(BIN)/pytest --dist loadfile
FAST = not (slow or process or mlflow or training or long)

test: $(INSTALLED) ## All tests but the slow ones, and the examples in docstrings
	$(PYTEST) -n 3 -m "not slow" --doctest-modules tests $(ROOMS)

test-fast: $(INSTALLED) ## The tests that start no process, open no MLflow and train nothing; under a minute
	HYPOTHESIS_PROFILE=quick $(PYTEST) -n 2 -m "$(FAST)" tests

# Side by side what only computes; one after the other what starts servers, browsers and databases.
test-slow: $(INSTALLED) ## Tests that take long or need a browser or a database server
	$(PYTEST) -n 2 -m "slow and (training or long) and not (process or mlflow)"
	$(BIN)/pytest -m "slow and (process or mlflow or not (training or long))"

test-features: ## Tests of one room, under a minute; so are test-models, -ledger, -training, -serving, -lead_temperature
test-features test-models test-ledger test-lead_temperature: test-%: $(INSTALLED)
	$(PYTEST) -n 4 -m "not slow" --doctest-modules tests/$* $*

# Their trainings and servers run in `make test` alone.
test-training test-serving: test-%: $(INSTALLED)
	$(PYTEST) -n 2 -m "not (slow or process or mlflow or training)" --doctest-modules tests/$* $*

mutants: $(INSTALLED) ## Plant bugs in ROOM=folder/or/file.py, MOST=40 of them, and list those that no test notices
	$(UV) pip install --quiet --python $(BIN)/python "mutmut>=3.8,<4"
	$(BIN)/python -m checks.mutants $(ROOM) $(if $(MOST),--most $(MOST))

bench-features: $(INSTALLED) ## CPU time and memory of the feature engine beside DuckDB, Polars and pandas
	$(BIN)/python -m benchmarks.features

bench-quality: $(INSTALLED) ## Models beside known truth, on real logs, beside AutoGluon and FLAML; hours
	$(BIN)/python -m benchmarks.quality

bench-worlds: $(INSTALLED) ## The training on made-up worlds beside a fixed peer and the truth; JOBS=1 at once, hours
	$(BIN)/python -m benchmarks.worlds --jobs $(or $(JOBS),1)
	$(BIN)/python -m benchmarks.worlds_refusals

bench-constants: $(INSTALLED) ## Each constant of the learning beside other values, on the choosing worlds; JOBS=1, an hour
	$(BIN)/python -m benchmarks.worlds_constants --jobs $(or $(JOBS),1)

bench-audit: $(INSTALLED) ## Planted and honest columns that the audit accuses, on every made-up world; minutes
	$(BIN)/python -m benchmarks.audit

bench-serving: $(INSTALLED) ## The server beside a bare endpoint and peers; needs wrk, some 15 minutes
	$(BIN)/python -m benchmarks.serving

bench-reading: $(INSTALLED) ## Reading an export beside readers without rules, and scoring; BEFORE=checkout compares its `score`
	$(BIN)/python -m benchmarks.reading $(if $(BEFORE),--before $(BEFORE))

bench-ledger: $(INSTALLED) ## How soon broken promises are noticed on 400 made-up ledgers of each kind; some 20 minutes
	$(BIN)/python -m benchmarks.ledger

bench-work: $(INSTALLED) ## What lists of calls gain in 60 made-up firms, valued by true probabilities; some ten minutes
	$(BIN)/python -m benchmarks.work

bench-report: $(INSTALLED) ## Time, memory and size of the managers' report of 5 million interactions
	$(BIN)/python -m benchmarks.report

bench-desk: $(INSTALLED) ## Time of giving leads to people, up to 100,000 to 200, and how far from the best
	$(BIN)/python -m benchmarks.desk

check: $(INSTALLED) ## Lint, format, types, import rules and names
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m checks.words

format: $(INSTALLED) ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

messages: $(INSTALLED) ## Bring the catalogues of report and pages up to their texts
	$(BIN)/python -m training.report.words.messages

lock: $(INSTALLED) ## Take the newest releases that resolve together
	$(UV) lock --upgrade

clean: ## Remove the environment and all artefacts
	rm -rf .venv artifacts tests/clients/node_modules
