# Every target; `make help` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
SPARK := .venv/.installed-spark
UV = $(or $(shell command -v uv 2> /dev/null),$(BIN)/uv)
# --inexact: where the machine has no uv it lives in this environment itself.
SYNC = $(UV) sync --quiet --locked --inexact --extra train --extra client --extra otel --extra pdf
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/.venv
# Threads that wait must not spin: two test processes share the cores with their models' threads.
export OMP_WAIT_POLICY := passive

.PHONY: help install install-spark demo test test-slow bench-features bench-quality bench-serving bench-report check format messages lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Make .venv from the lock file

$(INSTALLED): pyproject.toml uv.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(UV) || { $(BIN)/python -m pip --version > /dev/null || $(BIN)/python -m ensurepip; }
	test -x $(UV) || $(BIN)/python -m pip install --quiet "uv>=0.9"
	$(SYNC)
	@$(BIN)/python -c "import lightgbm" || { \
	  echo "LightGBM does not load. On Debian it needs OpenMP: apt-get install libgomp1"; exit 1; }
	touch $@

install-spark: $(SPARK) ## Add PySpark to .venv (its tests need Java 17, and are skipped without either)

$(SPARK): $(INSTALLED)
	$(SYNC) --extra spark
	touch $@

demo: $(INSTALLED) ## From nothing to banded scores over HTTP, on a made-up CRM of 20,000 leads
	$(BIN)/python demo.py

test: $(INSTALLED) ## All fast tests
	$(BIN)/pytest -n 2 --dist loadgroup -m "not slow"
	$(BIN)/pytest -q --doctest-modules features models training serving

test-slow: $(INSTALLED) ## Tests that take long or need a browser or a database server
	$(BIN)/pytest -m slow

bench-features: $(INSTALLED) ## CPU time and memory of the feature engine beside DuckDB, Polars and pandas
	$(BIN)/python -m benchmarks.features

bench-quality: $(INSTALLED) ## Models beside known truth, on real logs, beside AutoGluon and FLAML; hours
	$(BIN)/python -m benchmarks.quality

bench-serving: $(INSTALLED) ## The server beside a bare endpoint and peers; needs wrk, some 15 minutes
	$(BIN)/python -m benchmarks.serving

bench-report: $(INSTALLED) ## Time, memory and size of the managers' report of 5 million interactions
	$(BIN)/python -m benchmarks.report

check: $(INSTALLED) ## Lint, format, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED) ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

messages: $(INSTALLED) ## Bring the report's catalogues up to its texts
	$(BIN)/python -m training.report.words.messages

lock: $(INSTALLED) ## Take the newest releases that resolve together
	$(UV) lock --upgrade

clean: ## Remove the environment and all artefacts
	rm -rf .venv artifacts
