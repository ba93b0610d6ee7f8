# Tocsin's commands: `make` alone lists them. Nothing has to be set up or activated before: each
# target makes what it needs, and only what is missing or out of date.
#
#   .venv/     the environment; .venv/.runtime and .venv/.dev say what is installed in it
#   dist/      the wheel
#   build/     installed/ (the unpacked wheel, for mypy) and smoke/ (a fresh environment with it),
#              peers/ (what the benchmark compares with, each in an environment of its own)

PYTHON ?= python3

PACKAGES := $(dir $(wildcard */__init__.py))
SOURCES := $(wildcard *.py) py.typed pyproject.toml README.md LICENSE $(PACKAGES) \
           $(foreach package,$(PACKAGES),$(wildcard $(package)*.*))
PIP_INSTALL := -m pip install -qq

# A user's mirrors, proxies and certificates hold; settings that install elsewhere do not.
export PIP_USER := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PIP_NO_DEPS

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run test coverage lint types wheel smoke check bench chaos faults jumps stops vectors simulation fuzz folding clean

help:  ## List these commands
	@echo 'make COMMAND [ARGS="..."] [PYTHON=python3.12]'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

run: .venv/.runtime  ## Start the service; ARGS go to `tocsin run`
	@.venv/bin/tocsin run $(ARGS)

test: .venv/.dev  ## Run the whole test suite on every core; ARGS go to pytest
	@.venv/bin/pytest -n auto --dist worksteal $(ARGS)

coverage: .venv/.dev  ## The same, and show which lines and branches no test reaches
	@mkdir -p build
	@.venv/bin/pytest -n auto --dist worksteal --cov --cov-report=term $(ARGS)

lint: .venv/.dev  ## Check style, formatting and that imports go one way
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/lint-imports

types: build/installed/.stamp .venv/.dev  ## Check types, strictly, in the package as users install it
	@MYPYPATH=build/installed .venv/bin/mypy -p tocsin > build/types.txt; found=$$?; \
	  sed 's,^build/installed/tocsin/,,' build/types.txt; exit $$found

wheel: build/.wheel  ## Build the wheel into dist/

smoke: build/smoke/.stamp  ## Try the built wheel in a fresh environment, outside the checkout
	@cd build/smoke && bin/python -I ../../tests/smoke.py

check: lint types test smoke  ## Everything that must hold before a merge

bench: .venv/.runtime build/.wheel  ## Measure everything, peers beside it: 70 minutes; ARGS="W1 W3 --quick"
	@mkdir -p build
	@.venv/bin/python benchmarks/bench.py --full --page docs/performance.md $(ARGS)

chaos: .venv/.runtime  ## Two minutes of load while everything is crashed and hung; ARGS, too
	@.venv/bin/python tests/chaos/campaign.py $(ARGS)

faults: .venv/.dev  ## 2,000 kills, 1,000 power cuts, full and locked disks; ARGS: which
	@.venv/bin/python tests/faults/faults.py $(ARGS)

jumps: .venv/.runtime  ## Set the wall clock of a service 200 times, stop it 50 times; ARGS, too
	@.venv/bin/python tests/chaos/jumps.py $(ARGS)

stops: .venv/.runtime  ## Stop a service under load from eight threads at once, 200 times; ARGS, too
	@.venv/bin/python tests/chaos/stops.py $(ARGS)

vectors: .venv/.runtime  ## Compare our cron with recorded vectors; ARGS name other files
	@.venv/bin/python tests/vectors.py $(ARGS)

simulation: .venv/.runtime  ## A year of 50 tasks, a day of 1,000, against a model; ARGS: a seed
	@.venv/bin/python tests/simulation/simulate.py $(ARGS)

fuzz: .venv/.runtime  ## Throw 200,000 texts at each parser; ARGS: how many, and a seed
	@.venv/bin/python tests/fuzz.py $(ARGS)

folding: .venv/.runtime  ## Fold the log of 10,000 random commands again; ARGS: how many, and a seed
	@.venv/bin/python tests/folding.py $(ARGS)

clean:  ## Remove all that these commands made, .venv included
	rm -rf .venv build dist *.egg-info .*_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------- the environment

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo 'Tocsin needs Python 3.11 or newer, and $(PYTHON) is not: install one, then name it:'; \
	  echo '    make PYTHON=python3.12 ...'; exit 1; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo '$(PYTHON) cannot make environments: its venv module is not installed.'; \
	  echo '    Debian, Ubuntu: apt install python3-venv'; exit 1; } >&2
	@rm -rf .venv
	@$(PYTHON) -m venv .venv

# $(1): the extra to install, in brackets
define install
	@.venv/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo '.venv is no Python 3.11 or newer with pip: remove it with `make clean`, then try again.'; \
	  exit 1; } >&2
	@echo 'Installing tocsin$(1) into .venv ...'
	@.venv/bin/python $(PIP_INSTALL) --editable '.$(1)'
endef

.venv/.runtime: pyproject.toml .venv/bin/python
	$(call install)
	@touch $@

.venv/.dev: pyproject.toml .venv/bin/python
	$(call install,[dev])
	@touch .venv/.runtime $@

# ---------------------------------------------------------------- the wheel, unpacked and installed

build/.wheel: $(SOURCES) | .venv/bin/python
	@rm -rf build/lib build/bdist.* dist
	@.venv/bin/python -m pip wheel -qq --no-deps --wheel-dir dist .
	@mkdir -p build && touch $@

build/installed/.stamp: build/.wheel
	@rm -rf build/installed
	@.venv/bin/python $(PIP_INSTALL) --no-deps --target build/installed dist/tocsin-*.whl
	@touch $@

build/smoke/.stamp: build/.wheel
	@echo 'Installing the wheel into build/smoke ...'
	@rm -rf build/smoke
	@.venv/bin/python -m venv build/smoke
	@build/smoke/bin/python $(PIP_INSTALL) dist/tocsin-*.whl
	@touch $@
