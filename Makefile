# Two commands do everything on a machine with nothing but CPython 3.11 or newer: `make demo` and `make test`.
# Each makes its own environment in .venv/ on the first call and uses it again afterwards.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
OUT ?= runs/demo
BENCH ?= runs/bench.json

.PHONY: demo test coverage lint types imports docs serve-docs bench clean

demo: $(VENV)/.installed
	$(BIN)/augalg demo --out $(OUT)

test: $(VENV)/.installed-test
	$(BIN)/python -m compileall -q augalgebra cli plugins  # once, and not in each of the hundreds of processes that tests start
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal

coverage: $(VENV)/.installed-test
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -n logical --maxprocesses 4 --dist worksteal
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: $(VENV)/.installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-lint
	$(BIN)/mypy

imports: $(VENV)/.installed-lint
	$(BIN)/lint-imports

docs: $(VENV)/.installed-docs
	$(BIN)/mkdocs build --strict

serve-docs: $(VENV)/.installed-docs
	$(BIN)/mkdocs serve

bench: $(VENV)/.installed-bench
	$(BIN)/python -m bench --json $(BENCH)

clean:
	rm -rf $(VENV) site dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "augalgebra needs Python 3.11 or newer; say which with: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt pip

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing augalgebra into $(VENV)/ (some minutes the first time) ..."
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-%: $(VENV)/.installed
	$(PIP) install --quiet --constraint constraints.txt --group $*
	@touch $@
