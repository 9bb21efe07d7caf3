# Everything runs in one virtual environment; VENV and PYTHON may be set from outside.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# A test that takes so long (seconds) hangs: it fails with its stack.
HANG_S ?= 600
READY := $(VENV)/.ready

.PHONY: help demo test test-ray slow coverage lint bench clean
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(READY)  ## set up, then check policies against recordings of real Ray
	PATH="$(abspath $(BIN)):$$PATH" bash examples/demo.sh

test: $(READY)  ## set up, then pass the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile -q --timeout $(HANG_S)

slow: $(READY)  ## set up, then pass the tests that `test` leaves out: larger scopes, every built-in policy
	$(BIN)/python -m pytest -n 2 --dist loadfile -q --timeout $(HANG_S) -m slow

test-ray: $(READY)  ## set up with real Ray, then record and run scripts on it: minutes, on loopback in a namespace of its own
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,ray]'
	tests/live/on_loopback.sh $(BIN)/python -m pytest -q -m ray --timeout $(HANG_S) tests/live

coverage: $(READY)  ## branch coverage of model/ by the property suite, profile quick
	$(BIN)/python -m pytest -q -n 2 --cov=model --cov-branch --cov-report=term-missing:skip-covered properties

lint: $(READY)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)  ## measure the engines, beside their rivals
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,bench]'
	$(BIN)/python -m benchmarks

clean:  ## forget the virtual environment and the caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
