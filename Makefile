# Two commands do all the set-up on a fresh machine: `make demo` (the main job) and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test lint bench real crash pins servers docs
setup: .venv/ready

.venv/ready: requirements-dev.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

demo: setup
	$(BIN)/surefoot demo

test: setup
	$(BIN)/python -m pytest -q -n auto --cov=bot --cov-report=term

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_house.py

servers: .venv-real/ready

# The servers of tests/real that come from the registries of their own ecosystems.
.venv-real/ready: $(wildcard tests/real/servers/*)
	$(PYTHON) -m venv .venv-real
	.venv-real/bin/python -m pip install --quiet --require-hashes -r tests/real/servers/requirements.txt
	cp tests/real/servers/package.json .venv-real/
	npm install --silent --no-fund --no-audit --no-package-lock --ignore-scripts --prefix .venv-real
	touch $@

# docs/detection.md out of the adapters' own words.
docs: setup
	$(BIN)/python docs/generate.py

real: setup servers
	$(BIN)/python -m pytest -q -n auto --dist loadfile tests/real --ignore=tests/real/test_crash_everywhere.py

# kill -9 before and after every request and every commit of the path; some ten minutes.
crash: setup
	$(BIN)/python -m pytest -q tests/real/test_crash_everywhere.py

bench: setup
	$(BIN)/python -m pytest -q -s tests/bench

# Renew the hash-pinned requirement files from pyproject.toml. A release must have been out for a week.
PIN := $(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --no-annotate --no-header --quiet --upgrade --no-strip-extras \
	--exclude-newer "7 days"
pins: setup
	$(PIN) -o requirements.txt
	$(PIN) --extra dev -c requirements.txt -o requirements-dev.txt
