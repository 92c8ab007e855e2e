# eotiles: `make help` lists the targets. Every target installs what it needs, and is quick when nothing is missing.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ARGS   ?=

# BROWSER=1: STAC Browser is built (two to four minutes, once) and shown at /browser.
WITH_BROWSER = $(if $(BROWSER),folder=$$($(BIN)/python scripts/stac_browser.py) && EOTILES_BROWSER=$$folder)

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help setup demo serve test unit lint format bench bench-ingest bench-search bench-tiles soak screenshot settings clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make demo CHECK=1      asks the demo itself and exits 0 or 1 (PORT=8080 by default)"
	@echo "  make demo BROWSER=1    adds STAC Browser at /browser (built from npm the first time: some minutes)"
	@echo "  make test ARGS='-k x'  passes options to pytest"

setup: ## Install what is missing: PostgreSQL + PostGIS, a venv with pinned packages, MapLibre
	@scripts/setup run

demo: ## Set everything up, ingest a real Sentinel-2 scene and serve it
	@scripts/setup run
	@$(WITH_BROWSER) $(BIN)/eotiles demo $(if $(CHECK),--check) $(if $(PORT),--port $(PORT)) $(ARGS)

serve: ## Serve the catalogue, the tiles and the map from your own data folder (EOTILES_DATA)
	@scripts/setup run
	@$(WITH_BROWSER) $(BIN)/eotiles serve $(if $(PORT),--port $(PORT)) $(ARGS)

test: ## Set up and run all tests, and what lint checks
	@scripts/setup test
	@$(MAKE) --no-print-directory lint-installed
	@$(BIN)/python -m pytest $(ARGS)

unit: ## Run the tests that need neither PostgreSQL nor Chromium
	@scripts/setup test
	@$(BIN)/python -m pytest -m "not integration and not browser" $(ARGS)

lint: ## Check style, types and import rules
	@scripts/setup test
	@$(MAKE) --no-print-directory lint-installed

.PHONY: lint-installed
lint-installed:
	@echo "lint: ruff, mypy, import rules"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: ## Format the code
	@scripts/setup test
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: ## Print the benchmarks (STRICT=1 exits 1 where a bar is missed)
	@scripts/setup test
	@set -e; for name in bandmath encoders raster_tiles; do \
	  $(BIN)/python benchmarks/$$name.py --json build/benchmarks/$$name.json; done

bench-ingest: ## Benchmark the loading of 100,000 items against pypgstac load (ARGS="--items 10000": quick)
	@scripts/setup test
	@$(BIN)/python benchmarks/ingest_rate.py --json build/benchmarks/ingest_rate.json $(ARGS)

bench-search: ## Benchmark searches of a million items against stac-fastapi-pgstac (ARGS="--items 100000": quick)
	@scripts/setup test
	@$(BIN)/python benchmarks/search.py --json build/benchmarks/search.json $(ARGS)

bench-tiles: ## Benchmark tiles against titiler.pgstac, 15 min (ARGS=--quick: 2 min; ARGS=--markdown writes the page)
	@scripts/setup test
	@$(BIN)/python benchmarks/tiles.py --json build/benchmarks/tiles.json $(ARGS)

soak: ## Run the long campaigns (kill -9 in many rounds)
	@scripts/setup test
	@EOTILES_SOAK=1 $(BIN)/python -m pytest -m soak $(ARGS)

screenshot: ## Take the pictures of the running demo for README and docs
	@scripts/setup test
	@$(BIN)/python scripts/screenshot.py --demo --out docs/images/map.png
	@EOTILES_BROWSER=$$($(BIN)/python scripts/stac_browser.py) $(BIN)/python scripts/screenshot.py --demo --browser --out docs/images/browser.png

settings: ## Write docs/settings.md from the Settings class
	@scripts/setup test
	@$(BIN)/eotiles settings --markdown > docs/settings.md

clean: ## Remove what the targets made here (not your data folder)
	rm -rf $(VENV) build dist node_modules .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf src/eotiles/http/static/vendor
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
