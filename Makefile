# Needs make and a python3 of 3.11 or newer. Each target makes the virtual environment that it uses.
PYTHON ?= python3
DEV = .venv/bin/python
PEERS = .venv-peers/bin/python
BENCH = .venv-bench/bin/python
DOCS = .venv-docs/bin/python
LOWEST = .venv-lowest/bin/python

.PHONY: help demo test test-main test-peers test-lowest hunt fuzz lint format docs bench clean

help:
	@echo "make demo    build, plot and write the all-sky mask of the 4FGL-DR4 sources"
	@echo "make test    the tests with the newest packages, then those against gammapy and other peers"
	@echo "make test-lowest  the tests with the oldest packages that are declared"
	@echo "make hunt    random masks on random maps against an oracle: an hour of processor time; SEED=0 MINUTES=60"
	@echo "make fuzz    mutated files and texts of every kind, each read under a watch; SEED=0 COUNT=1000 of each kind"
	@echo "make lint    ruff and mypy; make format rewrites"
	@echo "make docs    the pages, warnings as errors; ONLINE=1 links to the pages of numpy, astropy and others"
	@echo "make bench   the benchmarks against the peers"
	@echo "make clean   remove what these made, environments included"

# make_venv.py writes the stamp last, and does nothing when the requirements are those that it holds.
.venv/.stamp: requirements/dev.txt
.venv-peers/.stamp: requirements/peers.txt
.venv-bench/.stamp: requirements/bench.txt
.venv-docs/.stamp: requirements/docs.txt
.venv-lowest/.stamp: requirements/lowest.txt
.venv/.stamp .venv-peers/.stamp .venv-bench/.stamp .venv-docs/.stamp .venv-lowest/.stamp: pyproject.toml scripts/make_venv.py
	$(PYTHON) scripts/make_venv.py $(@D) $(filter requirements/%,$^)

demo: .venv/.stamp
	$(DEV) examples/demo.py

# Both halves always run; either failing fails.
test:
	@status=0; $(MAKE) test-main || status=1; $(MAKE) test-peers || status=1; exit $$status

# Two processes, a file in one of them. A process that dies ends the run with a failure: with another in its
# place pytest-xdist hands out again what was done, and waits for results that never come.
PARALLEL = -n 2 --dist loadfile --max-worker-restart 0

test-main: .venv/.stamp
	$(DEV) -m pytest $(PARALLEL) --ignore tests/peers

test-peers: .venv-peers/.stamp
	$(PEERS) -m pytest $(PARALLEL) -m "peers or regions"

# With the oldest versions that pyproject.toml declares; not a part of make test.
test-lowest: .venv-lowest/.stamp
	$(LOWEST) -m pytest $(PARALLEL) --ignore tests/peers

# Replay one case with: .venv/bin/python -m tests.hunt --case 17
SEED = 0
MINUTES = 60
hunt: .venv/.stamp
	$(DEV) -m tests.hunt --seed $(SEED) --minutes $(MINUTES)

# Replay one input with: .venv/bin/python -m tests.fuzz --kind ds9 --case 17
COUNT = 1000
fuzz: .venv/.stamp
	$(DEV) -m tests.fuzz --seed $(SEED) --count $(COUNT)

lint: .venv/.stamp
	$(DEV) -m ruff check
	$(DEV) -m ruff format --check
	$(DEV) -m mypy

format: .venv/.stamp
	$(DEV) -m ruff check --fix
	$(DEV) -m ruff format

# With the network, names of numpy, astropy and others become links to their pages: make docs ONLINE=1
ONLINE =
docs: .venv-docs/.stamp
	rm -rf docs/generated
	ONLINE=$(ONLINE) $(DOCS) -m sphinx -W --keep-going -b html docs docs/_build/html

bench: .venv-bench/.stamp
	$(BENCH) -m benchmarks

clean:
	rm -rf .venv .venv-peers .venv-bench .venv-docs .venv-lowest demo-output docs/_build docs/generated docs/images/gallery
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
