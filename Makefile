# One command does everything: `make demo` shows it, `make test` proves it. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install --no-build-isolation --constraint constraints.txt
JOBS ?= 2
SIM_REPLICATIONS ?= 20000
KAFKA_JARS := build/kafka/.fetched
JS_CLIENTS := tests/ofrep/js/node_modules/.installed

.PHONY: help demo test test-cluster test-deep sim-full lint types format bench bench-analysis bench-assignment bench-batch bench-edge bench-ingest bench-stats serve browser clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 20

demo: $(VENV)/.runtime ## Replay a real experiment through the public API and keep serving
	@$(BIN)/assay demo

serve: $(VENV)/.runtime ## Serve the API and the dashboard on 127.0.0.1:8000
	@$(BIN)/assay serve

test: $(VENV)/.dev browser $(JS_CLIENTS) ## Install what the tests need and run them all, with coverage
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal --cov --cov-report=term

test-cluster: $(VENV)/.dev $(VENV)/.spark $(KAFKA_JARS) ## The tests that need a real Kafka broker or Spark
	@$(BIN)/python -m pytest tests/cluster

test-deep: $(VENV)/.dev ## Every property test with thirty times the examples, new ones each time
	@ASSAY_EXAMPLES=deep $(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m hypothesis tests

sim-full: $(VENV)/.dev ## Every simulation at nightly size, and its table in docs/simulations.md
	@mkdir -p build && rm -f build/simulations.jsonl
	@ASSAY_SIM_REPLICATIONS=$(SIM_REPLICATIONS) ASSAY_SIM_TABLE=build/simulations.jsonl \
	  $(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests/sim
	@$(BIN)/python docs/make_simulation_table.py build/simulations.jsonl docs/simulations.md

lint: $(VENV)/.dev ## Check style
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/.dev ## Check types, strictly
	@$(BIN)/mypy

format: $(VENV)/.dev ## Put the code in its one format
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

bench: bench-analysis bench-assignment bench-batch bench-edge bench-ingest bench-stats ## Run every benchmark

bench-stats: $(VENV)/.dev $(VENV)/.peers-stats ## Comparisons beside tea-tasting and gbstats, a file's analysis beside bare DuckDB
	@$(BIN)/python bench/stats.py

bench-analysis: $(VENV)/.dev ## Moments of 100 experiments out of up to 50 million events, beside bare DuckDB
	@$(BIN)/python bench/analysis.py

bench-assignment: $(VENV)/.bench ## Assignment in process, beside other SDKs and the bare hash
	@$(BIN)/python bench/assignment.py

bench-batch: $(VENV)/.dev ## Whole tables assigned in SQL, beside the engines' bare md5
	@$(BIN)/python bench/batch.py

bench-edge: $(VENV)/.bench ## Assignment over HTTP, beside the same server with a constant answer
	@$(BIN)/python bench/edge.py

bench-ingest: $(VENV)/.bench ## Events over HTTP, on disk before the answer, beside a server that only writes
	@$(BIN)/python bench/ingest.py

$(VENV)/.base:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Assay needs Python 3.11 or newer")'
	@echo "Setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --constraint constraints.txt pip setuptools
	@touch $@

$(VENV)/.runtime: $(VENV)/.base pyproject.toml constraints.txt
	@echo "Installing Assay"
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@echo "Installing what the tests need"
	@$(INSTALL) --group dev
	@touch $@

$(VENV)/.spark: $(VENV)/.dev
	@echo "Installing Spark for the cluster's tests"
	@$(INSTALL) --group spark
	@touch $@

# Kafka's jars. Without Maven, Java or a registry the tests that need them say why they skip.
$(KAFKA_JARS): tests/cluster/pom.xml
	@if command -v mvn >/dev/null && command -v java >/dev/null; then \
	  echo "Fetching the jars of a Kafka broker"; mkdir -p build/kafka; \
	  if mvn -q -B -f $< dependency:copy-dependencies -DoutputDirectory="$(CURDIR)/build/kafka" -DincludeScope=runtime \
	    >/dev/null; then touch $@; else echo "They could not be fetched: their tests will be skipped"; fi; \
	else echo "No Maven or no Java found: tests with a real broker will be skipped"; fi

$(VENV)/.bench: $(VENV)/.dev
	@echo "Installing the peers of the benchmarks"
	@$(INSTALL) --group bench
	@touch $@

# These two pin versions that Assay does not use, so they have a Python of their own.
$(VENV)/.peers-stats: $(VENV)/.base bench/peers-stats-constraints.txt
	@echo "Installing tea-tasting and gbstats beside"
	@$(PYTHON) -m venv $(VENV)/peers-stats
	@$(VENV)/peers-stats/bin/pip --disable-pip-version-check --quiet install \
	  --constraint bench/peers-stats-constraints.txt gbstats tea-tasting duckdb pyarrow pyarrow-hotfix
	@touch $@

# Page tests need Chromium. Where it is missing and we may install it, do; elsewhere those tests say why they skip.
browser:
	@command -v chromium chromium-browser google-chrome >/dev/null 2>&1 || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing Chromium for the page tests"; \
	    { apt-get update -qq && apt-get install -y -qq chromium; } >/dev/null 2>&1 \
	      || echo "Chromium could not be installed: page tests will be skipped"; \
	  else echo "No Chromium found: page tests will be skipped"; fi; }

# The published JavaScript clients of OpenFeature. Without npm or a registry their tests say why they skip.
$(JS_CLIENTS): tests/ofrep/js/package.json
	@if command -v npm >/dev/null; then \
	  echo "Installing the JavaScript clients the tests use"; \
	  if npm install --prefix tests/ofrep/js --no-package-lock --no-audit --no-fund --silent; then touch $@; \
	    else echo "They could not be installed: their tests will be skipped"; fi; \
	else echo "No npm found: tests with JavaScript clients will be skipped"; fi

clean: ## Remove everything that was built or installed here
	rm -rf $(VENV) tests/ofrep/js/node_modules build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
