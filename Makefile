# make run   opens the console on the embedded model;  make test   runs every test. Both set up .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# another build of torch, for example TORCH_INDEX=<index address of a CUDA build>
TORCH_INDEX ?=
# tests wait more than they compute: three processes share the files of tests, also on two cores
WORKERS ?= 3
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMP := $(VENV)/.installed-$(shell cat pyproject.toml constraints.txt Makefile | cksum | cut -d' ' -f1)

.PHONY: run test check format lint types contracts snap bench demo-adapter docs pictures clean

run: $(STAMP)
	$(BIN)/aligntui $(ARGS)

test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

check: format lint types contracts test

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "aligntui needs Python 3.11 or newer; say which with make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(STAMP): $(VENV)/bin/python
	$(PIP) install -q $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) -c constraints.txt torch
	$(PIP) install -q -c constraints.txt -e '.[dev]'
	@rm -f $(VENV)/.installed-*
	@touch $@

format: $(STAMP)
	$(BIN)/ruff format --check .

lint: $(STAMP)
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/pyright

contracts: $(STAMP)
	$(BIN)/lint-imports --no-cache

snap: $(STAMP)
	$(BIN)/python -m pytest tests/tui -k snapshot --snapshot-update

bench: $(STAMP)
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

demo-adapter: $(STAMP)
	$(BIN)/python -m aligntui.backend.train.demo --ship adapters/demo

docs: $(STAMP)
	$(BIN)/python docs/generate.py

pictures: $(STAMP)
	$(BIN)/python docs/draw_pictures.py

clean:
	rm -rf $(VENV) build dist *.egg-info
