# Two commands do everything: `make demo` and `make test`. Both set up first; a second call starts at once.
VENV ?= .venv
PYTHON ?= python3
TORCH_INDEX ?=
export VENV PYTHON TORCH_INDEX

STAMP := $(VENV)/.set-up
STEELYARD := $(VENV)/bin/steelyard
DEMO_OUT ?= runs/support-tickets

.PHONY: help setup demo test lint types check dist clean

help:  ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP)  ## Make the environment in .venv

$(STAMP): pyproject.toml constraints.txt scripts/setup
	@scripts/setup
	@touch $@

demo: $(STAMP)  ## Weigh the strategies on examples/support-tickets
	@$(STEELYARD) run examples/support-tickets --out $(DEMO_OUT)

test: $(STAMP)  ## Run the tests
	@scripts/test

lint: $(STAMP)  ## Check style and format
	@scripts/lint

types: $(STAMP)  ## Check types
	@scripts/types

check: lint types test  ## Everything before a commit

dist: $(STAMP)  ## Build the wheel into dist/
	@$(VENV)/bin/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:  ## Remove the environment, caches and builds; runs/ stays
	@rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
