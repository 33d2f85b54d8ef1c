# Every target works on a bare machine: git, make and Python 3.11 or newer.
# The environment is made by uv where it is installed, by venv and pip otherwise.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
BENCH_STAMP := $(VENV)/.bench-stamp
DOCS_STAMP := $(VENV)/.docs-stamp
GROUPS := test lint

.PHONY: demo test test-slow lint format bench calibration bench-bias bench-truth bench-study reproduction docs vendor-niivue env clean

env: $(STAMP)

$(STAMP): pyproject.toml
	rm -rf $(VENV)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "commissure needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --python $(PYTHON) $(VENV) \
	  && uv pip install --quiet --python $(BIN)/python --editable . $(GROUPS:%=--group %); \
	else \
	  $(PYTHON) -m venv $(VENV) \
	  && $(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1' \
	  && $(BIN)/python -m pip install --quiet --editable . $(GROUPS:%=--group %); \
	fi
	touch $@

$(BENCH_STAMP): $(STAMP)
	@if command -v uv >/dev/null 2>&1; then \
	  uv pip install --quiet --python $(BIN)/python --group bench; \
	else \
	  $(BIN)/python -m pip install --quiet --group bench; \
	fi
	touch $@

$(DOCS_STAMP): $(STAMP)
	@if command -v uv >/dev/null 2>&1; then \
	  uv pip install --quiet --python $(BIN)/python --group docs; \
	else \
	  $(BIN)/python -m pip install --quiet --group docs; \
	fi
	touch $@

demo: $(STAMP)
	$(BIN)/commissure demo demo-out

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/pytest -n auto

test-slow: $(STAMP)
	$(BIN)/pytest -m slow

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(BENCH_STAMP)
	$(BIN)/python -m benchmarks.kernel
	$(BIN)/python -m benchmarks.permutation
	$(BIN)/python -m benchmarks.preprocessing

# Studies whose truth is known: hours. Each has its options (--help) for fewer studies.
bench-truth: $(BENCH_STAMP)
	$(BIN)/python -m benchmarks.sensitivity
	$(BIN)/python -m benchmarks.scores
	$(BIN)/python -m benchmarks.null_studies
	$(BIN)/python -m benchmarks.motion

# False findings in null studies of many designs: hours; stopped, it goes on where it was.
calibration: $(STAMP)
	$(BIN)/python -m benchmarks.calibration

bench-bias: $(STAMP)
	$(BIN)/python -m benchmarks.bias

# The published study on simulated raw scans, into docs/benchmarks/reproduction.md: an hour and a half.
reproduction: $(BENCH_STAMP)
	$(BIN)/python -m benchmarks.reproduction reproduction-out

bench-study: $(BENCH_STAMP)
	$(BIN)/python -m benchmarks.study

# Warnings are errors: links and anchors that lead nowhere, pages in no menu. (With --quiet they
# would not be counted.)
docs: $(DOCS_STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir site

# The viewer in the report; needs npm.
NIIVUE := $(shell cat src/commissure/report/assets/niivue/VERSION)
vendor-niivue:
	tools/vendor_niivue.sh $(NIIVUE)

clean:
	rm -rf $(VENV) demo-out reproduction-out site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
