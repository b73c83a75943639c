# `make demo` and `make test` do all set-up themselves; a second call finds it done.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV := uv==0.13.8
# The first of these programs that is Python 3.11 or 3.12; `make PYTHON=...` names another one.
SUPPORTED := import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))
PYTHON ?= $(shell for p in python3.11 python3.12 python3 python; do \
	$$p -c '$(SUPPORTED)' 2>/dev/null && echo $$p && break; done)

.PHONY: demo test check bench clean install lock

demo: install
	@$(BIN)/python -m simulator.demo

test: install
	@# Two workers, each with an installation of its own: one alone leaves a third of two cores idle.
	@$(BIN)/pytest tests --numprocesses 2 --dist loadfile --no-loadscope-reorder

# Hours; `make bench BENCH="--only stages,marts --lines 100000"` for a part.
bench: install
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m benchmarks $(BENCH)

check: install
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy

install: $(STAMP)

$(STAMP): requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed; make PYTHON=<program>"; exit 1; }
	@$(PYTHON) -m countinghouse.doctor
	@echo "installing into $(VENV)"
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check $(UV)
	@# uv does not read pip's settings: behind a mirror they are handed over.
	@index=$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(BIN)/pip config get global.index-url 2>/dev/null)}}; \
	if test -n "$$index"; then export UV_DEFAULT_INDEX="$$index"; fi; \
	export VIRTUAL_ENV=$(CURDIR)/$(VENV); \
	$(BIN)/uv pip sync --quiet --compile-bytecode requirements.txt && \
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Stops everything and removes all state of the installation, deliveries included.
clean:
	@if test -x $(BIN)/countinghouse; then $(BIN)/countinghouse clean --yes; fi
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis dbt_project/target dbt_project/logs

# Takes the newest versions that pyproject.toml allows.
lock:
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --upgrade \
		--no-emit-package pyspark-client --no-annotate --quiet \
		--custom-compile-command "make lock" --output-file requirements.txt
