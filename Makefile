# Every verb sets up what it needs; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export UV_LINK_MODE = copy
export PYTHONPATH := $(CURDIR)

.DEFAULT_GOAL := help
.PHONY: help setup dev run test check bench eval lock clean

help: ## list the verbs
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-7s %s\n", $$1, $$2}'

$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9,<1"

$(VENV)/.base: $(BIN)/uv requirements.txt pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.base requirements-dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@touch $@

setup: $(VENV)/.base ## make .venv with the shuzhi command in it

dev: $(VENV)/.dev ## setup, and what tests and linters need

run: setup ## start the assistant: chat page, API, embedded stores
	$(BIN)/python -m serving up

test: dev ## run the tests
	$(BIN)/python -m pytest -n 2

check: dev ## format, lint, types, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: dev ## measured work, one JSON line a figure
	$(BIN)/python -m benchmarks

eval: dev ## score the assistant on the development questions (DATA=path to the question file)
	$(BIN)/python -m evals $(DATA)

lock: $(BIN)/uv ## compile the hashed requirement files from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt

clean: ## remove the environment and caches, never the data under .shuzhi
	rm -rf $(VENV) .pytest_cache .ruff_cache
