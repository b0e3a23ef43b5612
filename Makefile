# Two commands do everything on a fresh machine with Python 3.11, make and root:  make up   and   make test
#
# What is downloaded or built is kept outside the checkout and keyed by the lock files, so a second clone starts warm.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CACHE := $(or $(REHEARSAL_CACHE),$(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME)/mendix-registry,$(HOME)/.cache/mendix-registry))
PYTHON := $(or $(shell command -v python3.11 2>/dev/null),$(shell command -v python3 2>/dev/null))
UV_VERSION := 0.13.9
BIN := .venv/bin
STACK ?= local
# The hundreds of processes of the tests, each at its turn, instead of interrupting one another whenever one wakes up: sched(7).
# Only where that is possible: a container may forbid it.
THROUGHPUT = $(if $(shell chrt --batch 0 true 2>/dev/null && echo yes),chrt --batch 0)
PYTEST ?=
KILL ?=

# An interpreter is asked for, not downloaded: the requirement is a machine with Python.
export UV_PYTHON_DOWNLOADS := never
# Every rehearsal starts several Pythons. Where a machine forbids byte code, as container images do, each compiles the SDKs
# again: measured as four times the time of an update.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help up prove test test-fast kill-matrix record-previews chromium check format bench docs pipeline down clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: .venv/.synced ## Set up, bring STACK (default: local) up, prove a push
	@$(BIN)/rehearse up --stack $(STACK) --yes

prove: .venv/.synced ## Bring every example stack up, prove who may push and who may not (page: prove.html)
	@$(BIN)/rehearse prove --all --page prove.html

test: .venv/.synced policy/.venv/.synced chromium ## Run all tests, those against a real cluster too (PYTEST=options)
	@# A worker runs whole files: each that meets one against a cluster starts its own cluster. Such tests wait for pods now and
	@# then: one worker more than processors keeps those busy; a second one more costs another cluster and loading all tests again.
	@# What has to be built is built first: no test waits for that.
	@$(BIN)/rehearse build
	@workers=$$(( $$(getconf _NPROCESSORS_ONLN) + 1 )); \
		$(THROUGHPUT) $(BIN)/pytest -n $$(( workers > 4 ? 4 : workers )) --dist loadfile --no-loadscope-reorder $(PYTEST)

test-fast: .venv/.synced policy/.venv/.synced ## Run the quick tests, none of which needs a cluster
	@$(BIN)/pytest -m "not cluster and not slow" -n $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )) $(PYTEST)

kill-matrix: .venv/.synced ## Kill each process of an update at its events; print whether the next update converges (some three hours)
	@$(BIN)/python -m tests.end_to_end.killed.matrix $(KILL)

record-previews: .venv/.synced policy/.venv/.synced ## Record the previews that the tests of the report read, by the real CLI
	@$(BIN)/python -m tests.report.record

chromium: ## Install the browser (Debian's package) that the tests of the report's page drive
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium >/dev/null; }

check: .venv/.synced ## Lint, format check, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports

format: .venv/.synced ## Put the sources into the project's form
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: .venv/.synced ## Print the benchmarks, with this machine's size
	@for benchmark in bench/*.py; do $(BIN)/python "$$benchmark"; done

docs: .venv/.synced ## Build the documentation's site into dist/docs
	@$(BIN)/python -m docs.site.configuration
	@rm -rf dist/docs
	@$(BIN)/sphinx-build --quiet --fresh-env --write-all --fail-on-warning --keep-going --conf-dir docs/site . dist/docs
	@echo "dist/docs/index.html"

pipeline: policy/.venv/.synced | $(UV) ## Install what a deploying pipeline needs; a stack adds the SDK of its cloud
	@$(UV) sync --frozen --inexact --quiet --group report $(INTERPRETER)

down: ## End everything the rehearsal started
	@if [ -x $(BIN)/rehearse ]; then $(BIN)/rehearse down; else echo "Nothing was set up here."; fi

clean: ## End everything, then delete the environment and the sandbox with its states
	@if [ -x $(BIN)/rehearse ]; then $(BIN)/rehearse down --purge --yes; fi
	@rm -rf .venv policy/.venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv from PATH where there is one; else from a private environment in the cache, never into the system's Python.
UV = $(or $(shell command -v uv 2>/dev/null),$(CACHE)/uv-$(UV_VERSION)/bin/uv)

# Only for an environment that is made: uv would create another one whose interpreter was named by another path.
INTERPRETER = $(if $(wildcard $(BIN)/python),,--python $(PYTHON))

# `pulumi install` leaves in the environment only what every stack needs.
$(if $(wildcard $(BIN)/pytest),,$(shell rm -f .venv/.synced))

.venv/.synced: uv.lock pyproject.toml $(wildcard */pyproject.toml */*/pyproject.toml) | $(UV)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Install python3.11 and run this again." >&2; exit 2; }
	@echo "Setting up the Python environment …"
	@$(UV) sync --frozen --quiet --all-extras --group dev $(INTERPRETER)
	@touch $@

# The policy pack has its own environment, as Pulumi gives every pack.
policy/.venv/.synced: policy/uv.lock policy/pyproject.toml | $(UV)
	@$(UV) sync --directory policy --frozen --quiet --python $(PYTHON)
	@touch $@

$(CACHE)/uv-$(UV_VERSION)/bin/uv:
	@[ -n "$(PYTHON)" ] || { echo "There is no python3 on PATH; Python 3.11 or newer is needed." >&2; exit 2; }
	@echo "Getting uv $(UV_VERSION), which makes the Python environment …"
	@mkdir -p $(CACHE) && chmod 700 $(CACHE)
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "This Python comes without venv; installing the distribution's package python3-venv …"; \
		apt-get update -qq && apt-get install -qq -y python3-venv >/dev/null; }
	@rm -rf $(CACHE)/uv-$(UV_VERSION).part && $(PYTHON) -m venv $(CACHE)/uv-$(UV_VERSION).part
	@$(CACHE)/uv-$(UV_VERSION).part/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@mv -T $(CACHE)/uv-$(UV_VERSION).part $(CACHE)/uv-$(UV_VERSION)
