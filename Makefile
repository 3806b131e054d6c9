# What one does with this repository. It needs Python 3.11 or newer, make, and a package index.
#   make demo                       install into .venv, and watch a memory at work
#   make test                       install what tests need, and run the whole suite
#   make slow                       run what takes long: many examples, kills, races, a database server
#   make lint | check | adapters | bare | dist | mutation | real-model | pages | clean
#   make PYTHON=python3.12 ...      use another Python
#   make VENV=/some/where ...       use another place than .venv

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test slow lint fix check adapters bare dist mutation real-model pages clean
.DEFAULT_GOAL := help

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.installed ## Install helamem into .venv, and run its main job on a sample conversation
	@echo "== Running the demo: $(BIN)/helamem demo"
	@$(BIN)/helamem demo

test: $(VENV)/.test ## Install what tests need, and run all but what takes long
	@echo "== Running the tests: $(BIN)/python -m pytest -n auto -m 'not slow'   (make slow runs the rest)"
	@$(BIN)/python -m pytest -n auto -m 'not slow'

slow: $(VENV)/.test ## Run the tests that take long: many examples, kills, races, a database server
	@echo "== Running the slow tests, and the properties with more examples"
	@$(BIN)/python -m pytest -n auto -m 'slow or hypothesis' --hypothesis-profile thorough

lint: $(VENV)/.lint ## Check style, format, types, the direction of imports, and spelling
	@echo "== Checking style"
	@$(BIN)/ruff check
	@echo "== Checking format"
	@$(BIN)/ruff format --check
	@echo "== Checking types"
	@$(BIN)/mypy
	@echo "== Checking types with another checker, and the public surface as its users see it"
	@$(BIN)/basedpyright --pythonpath $(BIN)/python
	@echo "== Checking that imports point one way"
	@$(BIN)/lint-imports
	@echo "== Checking spelling"
	@$(BIN)/codespell

fix: $(VENV)/.lint ## Put format and imports in order
	@echo "== Putting format and imports in order"
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

check: lint test ## All that must hold before a change goes in

adapters: $(VENV)/.adapters ## Install the frameworks that there are adapters for, and test these
	@echo "== Testing the adapters against the real packages"
	@$(VENV)/adapters/bin/python -m pytest tests/adapters -o asyncio_mode=auto -o asyncio_default_fixture_loop_scope=function

bare: $(VENV)/.bare ## Install the package alone, and check that it imports, helps and runs README's example
	@echo "== Importing, asking for help, and running README's examples with the base install only"
	@$(VENV)/bare/bin/python scripts/bare.py README.md

dist: $(VENV)/.dist ## Build the distribution, check it, and run README's examples with its wheel alone
	@rm -rf dist $(VENV)/wheel
	@echo "== Building the distribution into dist"
	@$(BIN)/python -m build --outdir dist .
	@$(BIN)/python -m twine check --strict dist/*
	@echo "== Installing the wheel alone, and running README's examples with it"
	@$(PYTHON) -m venv $(VENV)/wheel
	@$(VENV)/wheel/bin/python -m pip --disable-pip-version-check --quiet install dist/*.whl
	@$(VENV)/wheel/bin/python scripts/bare.py README.md

mutation: $(VENV)/.mutation ## Change the code at random, and count what no test notices: N=300 SEED=0 ROOMS="core search"
	@$(BIN)/python scripts/mutation.py $(or $(N),300) $(or $(SEED),0) $(ROOMS)

real-model: $(VENV)/.installed ## Measure with a real language model on this machine: DATA=locomo10.json QUESTIONS=100 SESSIONS=2
	@echo "== Installing a server for language models into $(VENV)/real-model"
	@test -d $(VENV)/real-model || $(PYTHON) -m venv $(VENV)/real-model
	@$(VENV)/real-model/bin/python -m pip --disable-pip-version-check --quiet install 'xllamacpp==2026.10.*' -e '.[openai]'
	@echo "== Answering questions, and distilling facts, with a model that is fetched on the first run"
	@$(VENV)/real-model/bin/python benchmarks/real_model/serve.py \
	  $(VENV)/real-model/bin/python benchmarks/real_model/run.py $(DATA) $(or $(QUESTIONS),100) $(or $(SESSIONS),2)

pages: $(VENV)/.bench ## Write the pages of results, and the tables of other documents, anew
	@echo "== Writing docs/evaluation from benchmarks/results"
	@$(BIN)/helamem bench report benchmarks/results/*.json --out docs/evaluation
	@$(BIN)/python scripts/tables.py

clean: ## Remove what was made
	@echo "== Removing $(VENV), caches and builds"
	@rm -rf $(VENV) build dist mutants .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "helamem needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + "; choose another: make PYTHON=python3.12 ...")'
	@echo "== Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade pip
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml
	@echo "== Installing helamem and what it needs into $(VENV)"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.installed
	@echo "== Installing what the tests need into $(VENV)"
	@$(PIP) install --group test
	@$(PIP) install --group postgres || echo "== There is no PostgreSQL server for this machine; its tests are skipped"
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	@echo "== Installing what the checks need into $(VENV)"
	@$(PIP) install --group lint
	@touch $@

$(VENV)/.dist: $(VENV)/.made
	@echo "== Installing what builds a distribution into $(VENV)"
	@$(PIP) install --group dist
	@touch $@

$(VENV)/.mutation: $(VENV)/.test
	@echo "== Installing what mutates into $(VENV)"
	@$(PIP) install --group mutation
	@touch $@

$(VENV)/.bench: $(VENV)/.installed
	@echo "== Installing what plots need into $(VENV)"
	@$(PIP) install --editable '.[bench]'
	@touch $@

$(VENV)/.adapters: $(VENV)/.made pyproject.toml
	@echo "== Installing helamem with LangChain, LangGraph and the OpenAI Agents SDK into $(VENV)/adapters"
	@rm -rf $(VENV)/adapters
	@$(PYTHON) -m venv $(VENV)/adapters
	@$(VENV)/adapters/bin/python -m pip --disable-pip-version-check --quiet install --upgrade pip
	@$(VENV)/adapters/bin/python -m pip --disable-pip-version-check --quiet install --editable . --group test --group adapters
	@touch $@

$(VENV)/.bare: $(VENV)/.made pyproject.toml $(shell find src -name '*.py' -o -name '*.json' -o -name '*.sql')
	@echo "== Installing helamem alone into $(VENV)/bare"
	@rm -rf $(VENV)/bare
	@$(PYTHON) -m venv $(VENV)/bare
	@$(VENV)/bare/bin/python -m pip --disable-pip-version-check --quiet install .
	@touch $@
