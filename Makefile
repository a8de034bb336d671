# Every target sets itself up: a virtual environment in .venv with the package installed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: assets test lint types check clean bench
.DELETE_ON_ERROR:

assets: $(STAMP)          ## build the images of specs/ on the draft provider
	@$(BIN)/reconciler apply --yes

check: $(STAMP)           ## exit 2 if any image is missing or stale
	@$(BIN)/reconciler check

test: $(STAMP)            ## the whole suite
	@$(BIN)/python -m pytest -n auto

lint: $(STAMP)
	@$(BIN)/ruff check reconciler tests benchmarks

types: $(STAMP)
	@$(BIN)/mypy

$(STAMP): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache
