# `make run` starts everything, `make test` proves it. Both set up what is missing first (see README.md).
.PHONY: run setup test test-slow test-long check lock

PYTEST_ARGS ?=

run: setup
	@.venv/bin/backhaul up

setup:
	@scripts/setup run

# Files in the order of conftest.py, the longest first, on two cores.
IN_TURN = .venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test:
	@scripts/setup test
	$(IN_TURN) $(PYTEST_ARGS)

# Faults and mutations; then isolation, books, billing and network once more, elsewhere: on Debian's PostgreSQL 15 and in
# the last of three cells, in one go. What fails there fails by one of the two variables alone.
RINGS = tests/architecture tests/ledger tests/scenarios tests/network backhaul/billing backhaul/subscribers
IN_RINGS = $(IN_TURN) $(PYTEST_ARGS)

test-slow:
	@scripts/setup test
	$(IN_RINGS) --dist worksteal -m slow
	BACKHAUL_TEST_PG_BIN=/usr/lib/postgresql/15/bin BACKHAUL_CELLS=3 $(IN_RINGS) $(RINGS)

# For as long as it takes: a month of 2,000 customers and 30 operators, and lives that were never lived before.
test-long:
	@scripts/setup test
	$(IN_RINGS) -s -m long
	BACKHAUL_SEED=$$(date +%s) $(IN_RINGS) -s -m "slow or not slow" tests/scenarios/test_machine.py

check:
	@scripts/setup test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy --strict backhaul config tests
	.venv/bin/lint-imports

# The locks name versions and hashes, never a host: any index that carries the same files will do.
LOCK = .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --custom-compile-command "make lock"

lock:
	@scripts/setup test
	$(LOCK) pyproject.toml --group build -o requirements.lock
	$(LOCK) pyproject.toml --group build --group dev -o requirements-dev.lock
	$(LOCK) --group node -o requirements-node.lock
	npm install --package-lock-only
