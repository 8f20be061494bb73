# Everything happens in .venv, made by the first target that needs it: nothing to install by hand.
PYTHON ?= python3
BIN := .venv/bin
MINUTES ?= 2
SECONDS ?= 60

.PHONY: demo test test-long test-wild soak fuzz simulate lint types check diagrams bench audit clean

demo: .venv/ready          ## run a conversation through real faults, and count what was lost
	$(BIN)/perdure demo

test: .venv/ready          ## all tests, on two cores
	$(BIN)/pytest --numprocesses 2 --dist worksteal

test-long: .venv/ready     ## the searches that are too long for `make test`; they need 4 GB
	$(BIN)/pytest -m "long and not wild and not fuzz"

test-wild: .venv/ready     ## other people's software: apt-get install chromium curl nginx nodejs
	$(BIN)/python -m tests.wild.programs
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[wild]'
	$(BIN)/pytest -m wild tests/wild --compatibility docs/compatibility.md

soak: .venv/ready          ## many clients through random faults, with accounts on both sides; MINUTES=60
	$(BIN)/python -m tests.soak --minutes $(MINUTES)

fuzz: .venv/ready          ## arbitrary input at every opening; SECONDS=600 of it by coverage, for each target
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[fuzz]'
	$(BIN)/pytest -m fuzz tests/fuzz
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

simulate: MINUTES = 60
simulate: .venv/ready      ## an hour of simulated faults, in virtual time; SEED=1
	$(BIN)/perdure simulate --seed $(or $(SEED),1) --minutes $(MINUTES) --systems TAR

check: .venv/ready         ## explore the model
	$(BIN)/perdure check

diagrams: .venv/ready      ## write again all that is made from the model
	$(BIN)/perdure diagrams
	$(BIN)/python -m perdure.demo.web.charts

lint: .venv/ready
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: .venv/ready
	$(BIN)/mypy

bench: .venv/ready         ## side by side, ratios; SPIN is measured if it is installed
	$(BIN)/python tests/benchmarks/table_step.py
	$(BIN)/python tests/benchmarks/framing.py
	$(BIN)/python tests/benchmarks/checker_speed.py
	$(BIN)/python tests/benchmarks/runtime_speed.py
	$(BIN)/python tests/benchmarks/conformance.py
	$(BIN)/python tests/benchmarks/stateful.py

audit: .venv/ready         ## known vulnerabilities of all that is installed here; asks PyPI's advisory service
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[audit]'
	$(BIN)/python -m pip freeze --exclude-editable > .venv/installed
	$(BIN)/pip-audit --strict --no-deps --disable-pip --requirement .venv/installed

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[check,cli,diagrams,test]' 'mypy>=2.1' 'ruff>=0.15'
	touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
