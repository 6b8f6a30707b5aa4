# Needs make and a python3 of 3.11 or newer. Each target makes the virtual environment that it uses.
PYTHON ?= python3
PYTHON_NEWEST ?= python3.13
# LOCKED=yes: the versions, and the very files, that requirements/dev.lock holds, in an environment of their own.
LOCKED =
DEV_VENV = .venv$(if $(LOCKED),-locked)
DEV = $(DEV_VENV)/bin/python
PEERS = .venv-peers/bin/python
BENCH = .venv-bench/bin/python
DOCS = .venv-docs/bin/python
LOWEST = .venv-lowest/bin/python
NEWEST = .venv-newest/bin/python

.PHONY: help demo test test-main test-peers coverage test-lowest test-newest test-sdist newest-python
.PHONY: hunt fuzz lint format docs bench lock clean

help:
	@echo "make demo    build, plot and write the all-sky mask of the 4FGL-DR4 sources"
	@echo "make test    the tests with the newest packages, then those against gammapy and other peers"
	@echo "             COVERAGE=yes measures the package's lines and branches, and fails below the bounds"
	@echo "make test-lowest  the tests with the oldest packages that are declared"
	@echo "make test-newest  the tests with the newest Python; PYTHON_NEWEST=/path/to/python3.13"
	@echo "make test-sdist   the tests of the source distribution, unpacked, in an environment of its own"
	@echo "make hunt    random masks on random maps against an oracle: an hour of processor time; SEED=0 MINUTES=60"
	@echo "make fuzz    mutated files and texts of every kind, each read under a watch; SEED=0 COUNT=1000 of each kind"
	@echo "make lint    ruff and mypy; make format rewrites"
	@echo "make docs    the pages, warnings as errors; ONLINE=1 asks other projects where their pages stand"
	@echo "make bench   the benchmarks against the peers"
	@echo "make lock    requirements/dev.lock anew; LOCKED=yes with any target uses it in the place of the newest"
	@echo "make clean   remove what these made, environments included"

# make_venv.py writes the stamp last, and does nothing when the requirements are those that it holds.
.venv/.stamp: requirements/dev.txt
.venv-locked/.stamp: requirements/dev.lock
.venv-peers/.stamp: requirements/peers.txt
.venv-bench/.stamp: requirements/bench.txt
.venv-docs/.stamp: requirements/docs.txt
.venv-lowest/.stamp: requirements/lowest.txt
.venv-newest/.stamp: requirements/dev.txt
.venv-lock/.stamp: requirements/lock.txt
STAMPS = $(patsubst %,.venv%/.stamp,-locked -peers -bench -docs -lowest -lock) .venv/.stamp
$(STAMPS): pyproject.toml scripts/make_venv.py
	$(PYTHON) scripts/make_venv.py $(@D) $(filter requirements/%,$^)

.venv-newest/.stamp: pyproject.toml scripts/make_venv.py | newest-python
	$(PYTHON_NEWEST) scripts/make_venv.py $(@D) $(filter requirements/%,$^)

# A name may be there and start nothing (a switch between versions that has none chosen), so it is tried.
newest-python:
	@$(PYTHON_NEWEST) -c "" 2>/dev/null || { \
	    echo "there is no $(PYTHON_NEWEST) here: make test-newest PYTHON_NEWEST=/path/to/python3.13" >&2; exit 2; }

demo: $(DEV_VENV)/.stamp
	$(DEV) examples/demo.py

# Both halves always run; either failing fails.
COVERAGE =
test:
	@status=0; $(MAKE) test-main || status=1; $(MAKE) test-peers || status=1; \
	$(if $(COVERAGE),$(MAKE) coverage || status=1;) exit $$status

# Two processes, a file in one of them. A process that dies ends the run with a failure: with another in its
# place pytest-xdist hands out again what was done, and waits for results that never come.
PARALLEL = -n 2 --dist loadfile --max-worker-restart 0

# The second half adds to what the first has measured.
test-main: $(DEV_VENV)/.stamp
	$(DEV) -m pytest $(PARALLEL) --ignore tests/peers $(if $(COVERAGE),--cov --cov-report=)

test-peers: .venv-peers/.stamp
	$(PEERS) -m pytest $(PARALLEL) -m "peers or regions" $(if $(COVERAGE),--cov --cov-append --cov-report=)

# What the last `make test COVERAGE=yes` measured, held to the bounds; a page of all lines: coverage html.
coverage: $(DEV_VENV)/.stamp
	$(DEV) -m coverage json -q -o build/coverage.json
	$(DEV) scripts/check_coverage.py build/coverage.json --lines 95 --branches 90

# With the oldest versions that pyproject.toml declares; not a part of make test.
test-lowest: .venv-lowest/.stamp
	$(LOWEST) -m pytest $(PARALLEL) --ignore tests/peers

# With the newest Python that the dependencies have, and the newest of those that it takes; not a part of make test.
test-newest: .venv-newest/.stamp
	$(NEWEST) -m pytest $(PARALLEL) --ignore tests/peers

# The source distribution holds what tests it; not a part of make test, which runs some of it.
test-sdist: $(DEV_VENV)/.stamp
	rm -rf build/sdist
	$(DEV) -m hatchling build --target sdist --directory build/sdist
	mkdir build/sdist/unpacked
	tar -xzf build/sdist/*.tar.gz -C build/sdist/unpacked --strip-components 1
	$(MAKE) -C build/sdist/unpacked test-main

# Replay one case with: .venv/bin/python -m tests.hunt --case 17
SEED = 0
MINUTES = 60
hunt: $(DEV_VENV)/.stamp
	$(DEV) -m tests.hunt --seed $(SEED) --minutes $(MINUTES)

# Replay one input with: .venv/bin/python -m tests.fuzz --kind ds9 --case 17
COUNT = 1000
fuzz: $(DEV_VENV)/.stamp
	$(DEV) -m tests.fuzz --seed $(SEED) --count $(COUNT)

lint: $(DEV_VENV)/.stamp
	$(DEV) -m ruff check
	$(DEV) -m ruff format --check
	$(DEV) -m mypy

format: $(DEV_VENV)/.stamp
	$(DEV) -m ruff check --fix
	$(DEV) -m ruff format

# Links to other projects are made of docs/inventories; with the network, of theirs: make docs ONLINE=1
ONLINE =
docs: .venv-docs/.stamp
	rm -rf docs/generated
	ONLINE=$(ONLINE) $(DOCS) -m sphinx -W --keep-going -b html docs docs/_build/html

bench: .venv-bench/.stamp
	$(BENCH) -m benchmarks

# For every Python and platform at once. No address of a package index goes into the file.
lock: .venv-lock/.stamp
	.venv-lock/bin/python -m uv pip compile requirements/dev.txt --universal --python-version 3.11 --upgrade \
	    --generate-hashes --no-emit-package maskexpr --no-emit-index-url --no-emit-find-links \
	    --custom-compile-command "make lock" --quiet --output-file requirements/dev.lock

clean:
	rm -rf .venv .venv-locked .venv-peers .venv-bench .venv-docs .venv-lowest .venv-newest .venv-lock
	rm -rf demo-output docs/_build docs/generated docs/images/gallery
	rm -rf .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
