# Everything a developer or a newcomer types. The environment is .venv, made from the committed lock files (versions and
# hashes), so that every machine tests the same thing; nb2flow itself is installed from this folder, editable.

.DEFAULT_GOAL := help
.PHONY: help demo lab test test-all test-image test-cluster test-browser check check-labextension labextension lint format types architecture api docs-pictures lock clean
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

VENV := .venv
BIN := $(VENV)/bin
SAMPLE := sample_notebooks/wine_quality.ipynb
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-input
# Compiled once by all processors: pip would take one, and where bytecode is not written each step would compile anew.
# A package may ship files that are not for this Python; that is no fault.
COMPILE := $(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null 2>&1 || true
TESTS ?=
LAB := labextension
JLPM := cd $(LAB) && PATH="$(abspath $(BIN)):$$PATH" jlpm

help: ## What can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## Install nb2flow and run a sample notebook as a pipeline
	@echo
	@echo '$$ nb2flow graph $(SAMPLE)'
	@$(BIN)/nb2flow graph $(SAMPLE)
	@echo
	@echo '$$ nb2flow run $(SAMPLE)'
	@$(BIN)/nb2flow run $(SAMPLE)
	@echo
	@echo '$$ nb2flow report --project $(SAMPLE)'
	@page="$$($(BIN)/nb2flow report --project $(SAMPLE))"; echo "$$page"; echo; \
	echo "The report is one HTML page: open $$page in a browser."; \
	echo "A second 'make demo' takes every unchanged step from this run. Next, your own notebook:"; \
	echo "  $(BIN)/nb2flow run NOTEBOOK.ipynb"

lab: $(VENV)/.lab ## Open JupyterLab with the samples and nb2flow in it
	@if command -v node >/dev/null; then \
		$(MAKE) --no-print-directory labextension; \
		mkdir -p $(VENV)/share/jupyter/labextensions; rm -rf $(VENV)/share/jupyter/labextensions/nb2flow; \
		ln -s $(abspath $(LAB)/built) $(VENV)/share/jupyter/labextensions/nb2flow; \
	elif [ ! -e $(VENV)/share/jupyter/labextensions/nb2flow ]; then \
		echo "Node is not installed, so nb2flow's part of JupyterLab cannot be built: JupyterLab opens without it." >&2; \
	fi
	@$(BIN)/jupyter lab sample_notebooks/wine_quality.ipynb $(OPTIONS)

labextension: $(LAB)/built/package.json ## Build the JupyterLab extension (needs Node)

check-labextension: $(LAB)/node_modules/.yarn-state.yml ## Format, lint, types and unit tests of the JupyterLab extension
	@$(JLPM) lint
	@$(JLPM) types
	@$(JLPM) test

test-browser: $(VENV)/.dev build/lab/.ready ## Drive JupyterLab with the built wheel in a real browser (needs Node and chromium)
	@NB2FLOW_LAB_PYTHON=$(abspath build/lab/bin/python) $(BIN)/python -m pytest -m browser $(or $(TESTS),tests/browser)

test: $(VENV)/.dev ## Run the tests, slow ones left out
	@$(BIN)/python -m pytest -m 'not slow and not cluster' -n 2 $(TESTS)

test-all: $(VENV)/.dev ## Run all tests that need no cluster
	@$(BIN)/python -m pytest -m 'not cluster and not image' -n 2 $(TESTS)

test-image: $(VENV)/.dev ## Build and use a step image (needs buildah and NB2FLOW_TEST_BASE: an image with Python, venv and pip)
	@$(BIN)/python -m pytest -m image tests/app

test-cluster: $(VENV)/.dev ## Run the tests that need a cluster (tests/cluster/README.md)
	@$(BIN)/python -m pytest tests/cluster

check: lint types architecture test ## All that must hold before a commit: format, lint, types, architecture, tests

lint: $(VENV)/.dev ## Format and style (changes nothing)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

format: $(VENV)/.dev ## Put the code into the house's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

types: $(VENV)/.dev ## Static types
	@$(BIN)/mypy

architecture: $(VENV)/.dev ## Which room may import which
	@$(BIN)/lint-imports --no-cache

api: $(VENV)/.dev ## Write the front end's types anew from the server's
	@$(BIN)/python -m nb2flow.server.typescript labextension/src/api.ts

docs-pictures: $(VENV)/.dev ## Draw the pictures of the README anew (the screenshots need chromium)
	@bash docs/pictures/make.sh $(abspath $(BIN))

# Versions move only here, and only when asked for.
lock: $(VENV)/.dev ## Resolve the lock files anew
	@$(PIP) uv
	@for what in 'dev --group dev --extra lab --extra kubernetes --extra s3' 'demo --group build -c requirements/dev.lock' \
		'lab --group build --group lab-tests --extra lab -c requirements/dev.lock'; do \
		set -- $$what; name=$$1; shift; \
		$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
			--no-emit-index-url --no-emit-find-links --no-header --extra samples "$$@" -o requirements/$$name.lock; \
	done

clean: ## Remove what was made here: the environment, caches, runs of the samples
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf .nb2flow sample_notebooks/.nb2flow tests/browser/pictures
	rm -rf $(LAB)/node_modules $(LAB)/built $(LAB)/lib $(LAB)/.yarn $(LAB)/tsconfig.tsbuildinfo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp for each set of packages; an environment that lost its interpreter is made anew.
$(VENV)/.python:
	@found=''; \
	for python in $${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "nb2flow needs Python 3.11 or newer: python3 here is $$(python3 --version 2>&1 || true)." >&2; \
		echo "Name another one: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; \
	fi; \
	echo "making $(VENV) with $$("$$found" --version)"; \
	rm -rf $(VENV); \
	if ! "$$found" -m venv $(VENV); then \
		rm -rf $(VENV); \
		echo "This Python cannot make virtual environments (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; \
	fi
	@touch $@

$(VENV)/.demo: $(VENV)/.python requirements/demo.lock pyproject.toml
	@echo 'installing nb2flow with what the samples need (first time only)'
	@$(PIP) --no-compile --require-hashes --requirement requirements/demo.lock
	@$(COMPILE)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@command -v node >/dev/null || echo "Node is not installed: nb2flow's part of JupyterLab is left out; all else is here."
	@touch $@

$(VENV)/.dev: $(VENV)/.python requirements/dev.lock pyproject.toml
	@echo 'installing nb2flow with what its tests need (first time only)'
	@$(PIP) --no-compile --require-hashes --requirement requirements/dev.lock
	@$(COMPILE)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.lab: $(VENV)/.python requirements/lab.lock pyproject.toml
	@echo 'installing nb2flow with JupyterLab and what the samples need (first time only)'
	@$(PIP) --no-compile --require-hashes --requirement requirements/lab.lock
	@$(COMPILE)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# jlpm, JupyterLab's yarn, comes with either environment.
$(LAB)/node_modules/.yarn-state.yml: $(LAB)/package.json $(LAB)/yarn.lock
	@command -v node >/dev/null || { echo "The JupyterLab extension needs Node 20 or newer to be built." >&2; exit 1; }
	@[ -e $(BIN)/jlpm ] || $(MAKE) --no-print-directory $(VENV)/.lab
	@echo 'fetching what the JupyterLab extension is built with (first time only)'
	@($(JLPM) install --immutable) >$(LAB)/.yarn-install.log 2>&1 || { tail -n 20 $(LAB)/.yarn-install.log; exit 1; }
	@touch $@

$(LAB)/built/package.json: $(LAB)/node_modules/.yarn-state.yml docs/how-to/work-in-jupyterlab.md $(shell find $(LAB)/src $(LAB)/style $(LAB)/schema -type f)
	@($(JLPM) build:prod) >$(LAB)/.build.log 2>&1 || { cat $(LAB)/.build.log; exit 1; }
	@touch $@

# What a user installs: the wheel, in an environment without anything else of ours.
build/lab/.python: requirements/lab.lock $(VENV)/.python
	@rm -rf build/lab && $(BIN)/python -m venv build/lab
	@build/lab/bin/python -m pip --disable-pip-version-check install --quiet --no-input --no-compile --require-hashes \
		--requirement requirements/lab.lock
	@touch $@

build/lab/.ready: build/lab/.python $(LAB)/built/package.json $(shell find nb2flow -name '*.py') hatch_build.py
	@rm -rf build/wheel
	@NB2FLOW_LABEXTENSION=required $(BIN)/python -m build --no-isolation --outdir build/wheel . >build/wheel.log 2>&1 \
		|| { cat build/wheel.log; exit 1; }
	@build/lab/bin/python -m pip --disable-pip-version-check install --quiet --no-input --no-deps --force-reinstall \
		build/wheel/*.whl
	@touch $@
