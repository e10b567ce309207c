# The workshop's one table of verbs; the CI calls it too. `make` alone lists them.
# Needs Python 3.11 or newer with pip, and nothing else: the rest comes from the lock files, by hash, into $(VENV).

VENV ?= .venv
# More than this machine's two processors: two of them begin with tests that wait for processes (tests/conftest.py).
JOBS ?= 4
# The share of lines and branches of src/esteio/core that the tests must reach, in percent.
CORE_COVERAGE ?= 100
# Given to `make sim` and `make bench`, e.g. `make sim ARGS="--sessions 200 --hours 24"`.
ARGS ?=
BENCH ?= accept inbound deliver
# What `make sim` does, e.g. `make sim SIM=guards`; and how often the gateway's process is killed.
SIM ?= $(if $(ARGS),storm,storm postgres nodes guards mutants kills fuzz weeks)
WEEKS ?= 3
KILLS ?= 1000
POSTGRES_KILLS ?= 100
FUZZ ?= 100000
STORMS ?= 5
NODE_STORMS ?= 50
TAKEOVERS ?= 20
UV_VERSION := 0.13.8

# The first interpreter that starts and is new enough (a name may be found and still not start).
new_enough = import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach p,python3.11 python3 python3.12 python3.13 python3.14 python,\
	$(if $(filter ok,$(shell $(p) -c '$(new_enough)' >/dev/null 2>&1 && echo ok)),$(p))))
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input --quiet --quiet
# A lock is complete, so nothing is resolved: without --no-deps a package's wish for an extra (`coverage[toml]`) makes pip
# look for newer releases of what is pinned here, and refuse those that have no hash.
INSTALL_LOCK := $(PIP) install --no-deps --require-hashes --requirement
INSTALL_SELF := $(PIP) install --no-deps --no-build-isolation --editable .

.DEFAULT_GOAL := help
.PHONY: help run test quick check sim sim-storm sim-postgres sim-nodes sim-guards sim-mutants sim-kills sim-fuzz sim-weeks bench browse docs lock clean
.DELETE_ON_ERROR:

help: ## list the verbs
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

run: $(VENV)/.runtime ## the demo: sandbox providers, the gateway in front of them, a script of incidents
	$(VENV)/bin/esteio demo $(ARGS)

# Every part runs, so that one report shows all that is wrong; the verdict comes at the end. Only the core's own tests are
# measured: tracing more than doubles what a test takes. `check` computes in one process, beside them; before it one
# collection, for each worker would compile the test modules anew.
test: $(VENV)/.dev ## everything: check, then the tests, those of the core with coverage
	@verdict=0; mkdir -p build; rm -f .coverage .coverage.*; \
	{ $(VENV)/bin/pytest --collect-only -qq -p no:xdist --ignore tests/core >/dev/null; \
		$(MAKE) --no-print-directory check; } >build/check.log 2>&1 & check=$$!; \
	$(VENV)/bin/pytest -n $(JOBS) --dist worksteal -q --cov --cov-report= tests/core || verdict=1; \
	$(VENV)/bin/coverage report --include='*/core/*' --fail-under=$(CORE_COVERAGE) || verdict=1; \
	$(VENV)/bin/pytest -n $(JOBS) --dist worksteal --durations 15 --ignore tests/core || verdict=1; \
	wait $$check || verdict=1; cat build/check.log; \
	exit $$verdict

# What a change usually breaks, without real processes and long stories.
quick: $(VENV)/.dev ## under 90 s: style, and the tests that need no process of their own
	$(VENV)/bin/ruff check src tests benchmarks docs examples
	$(VENV)/bin/pytest -n $(JOBS) --dist worksteal -q tests/core tests/providers tests/store tests/api tests/test_tidy.py \
		--ignore tests/api/evolution/whole --ignore tests/api/evolution/instances --ignore tests/api/evolution/lookups

check: $(VENV)/.dev ## without running the product: style, types, import rules, dead code, unused dependencies
	@verdict=0; \
	$(VENV)/bin/ruff check src tests benchmarks docs examples || verdict=1; \
	$(VENV)/bin/ruff format --check src tests benchmarks docs examples || verdict=1; \
	$(VENV)/bin/mypy || verdict=1; \
	PYTHONPATH=src $(VENV)/bin/lint-imports --no-logo || verdict=1; \
	$(VENV)/bin/vulture || verdict=1; \
	$(VENV)/bin/deptry --no-ansi src || verdict=1; \
	exit $$verdict

sim: $(VENV)/.dev $(SIM:%=sim-%) ## the long proofs: a storm in virtual time, five over PostgreSQL with the engine's and the durability suite, fifty over nodes that die, guards deleted one by one, 500 mutants of the judge, 1,000 kill -9, 100,000 wrong bodies, three weeks in which no table grows; with ARGS the storm alone

# ARGS go to `esteio simulate`.
sim-storm: $(VENV)/.dev
	$(VENV)/bin/esteio simulate $(ARGS)

# On a real PostgreSQL: storms, without a digest; the engine's suite; the durability suite, whole.
sim-postgres: export DIALECT := postgres
sim-postgres: $(VENV)/.dev
	STORMS=$(STORMS) $(VENV)/bin/pytest -n $(JOBS) -q tests/sim/storm/test_on_postgres.py
	$(VENV)/bin/pytest -n $(JOBS) --dist worksteal -q tests/engine
	KILLS=$(POSTGRES_KILLS) $(VENV)/bin/pytest -n $(JOBS) -q tests/durability --ignore tests/durability/nodes

# Nodes that are killed, frozen, cut off and restarted: in virtual time; as real processes; how long others take to take over.
sim-nodes: $(VENV)/.dev
	NODE_STORMS=$(NODE_STORMS) $(VENV)/bin/pytest -n $(JOBS) -q tests/nodes/test_storm.py
	NODES_FAULTS=all $(VENV)/bin/pytest -q tests/durability/nodes
	$(PY) -m tests.durability.nodes.takeover $(TAKEOVERS)

# Each guard (`# guard: NAME`) is deleted in a copy; at least one test has to fail. The list: docs/explanation/simulation-guards.md.
sim-guards: $(VENV)/.dev
	JOBS=$(JOBS) $(PY) -m tests.mutation.run_guards

# 500 mutants of core/judge, drawn by a seed; at least 85 % have to be noticed. The figures: docs/explanation/mutation.md.
sim-mutants: $(VENV)/.dev
	JOBS=$(JOBS) $(PY) -m tests.mutation.run_mutants

sim-kills: $(VENV)/.dev
	KILLS=$(KILLS) $(VENV)/bin/pytest -n $(JOBS) --durations 5 tests/durability

# Bodies of providers, changed by a seed, through the whole inbox; FUZZ_SEED chooses others.
sim-fuzz: $(VENV)/.dev
	FUZZ_CASES=$(FUZZ) $(VENV)/bin/pytest -q -s tests/fuzz

# No table grows from the second week of a gateway's life on.
sim-weeks: $(VENV)/.dev
	WEEKS=$(WEEKS) $(VENV)/bin/pytest -q tests/engine/runtime/test_purge.py

bench: $(VENV)/.runtime ## the measurements behind docs/explanation/benchmarks.md; one JSON line each
	@for what in $(BENCH); do $(PY) -m benchmarks $$what $(ARGS) || exit 1; done

# Offline; a dead link, or a page that docs/README.md does not list, is an error. The tests build it by this line too.
browse: $(VENV)/.dev ## the dashboard in a real browser, every face of every page, with pictures in build/pictures; the typed pages in both languages
	@mkdir -p build/pictures/readme
	ESTEIO_PICTURES=$(CURDIR)/build/pictures $(VENV)/bin/pytest -n 2 --dist worksteal -q -m "" tests/browser tests/docs/typed

docs: $(VENV)/.dev ## write the generated lists and the pages as HTML, in build/docs; do the documents still tell the truth?
	$(PY) -m tests.mutation.run_guards --page
	$(PY) -m tests.test_documented_door
	$(PY) -m tests.docs.write
	$(PY) -m sphinx --quiet --fail-on-warning --keep-going -b html -c docs/site -d build/doctrees . build/docs
	$(VENV)/bin/pytest -n $(JOBS) --dist worksteal -m "not slow and not long" tests/test_documented*.py tests/docs tests/test_tidy.py

lock: ## choose the dependencies' versions anew and write both lock files
	$(PYTHON) -m venv build/lock && build/lock/bin/pip --quiet install uv==$(UV_VERSION)
	$(LOCK) --extra dev --output-file requirements-dev.lock pyproject.toml
	$(LOCK) --extra build --extra otel --extra postgres --constraint requirements-dev.lock --output-file requirements.lock pyproject.toml

LOCK := build/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

clean: ## remove what was built, the virtual environment included
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# A Python without ensurepip (Debian ships it apart) makes no usable venv; virtualenv does, and brings its own pip.
$(PY):
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer was found; name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { \
		rm -rf $(VENV) && \
		$(PYTHON) -m pip install --quiet --target build/virtualenv 'virtualenv>=20.30' && \
		PYTHONPATH=build/virtualenv $(PYTHON) -m virtualenv --quiet $(VENV); }

# Stamps: what was installed is installed again only when a lock or the project's own table has changed.
$(VENV)/.installer: requirements-installer.lock | $(PY)
	$(INSTALL_LOCK) requirements-installer.lock
	@touch $@

$(VENV)/.runtime: requirements.lock pyproject.toml $(VENV)/.installer
	$(INSTALL_LOCK) requirements.lock
	$(INSTALL_SELF)
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml $(VENV)/.installer
	$(INSTALL_LOCK) requirements-dev.lock
	$(INSTALL_SELF)
	@touch $@ $(VENV)/.runtime
