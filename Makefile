# Everything that a checkout can do. Needs Python 3.11 or later, and for `make e2e` Debian's packages.
PYTHON ?= python3
PORT ?= 8000
SEED ?= 1
BIN := .venv/bin

.PHONY: help dev test check e2e chaos soak identity fuzz audit bench schema lock image clean

help: ## List the targets.
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

dev: .venv/runtime ## Run the gateway over the sandbox, on this machine only (PORT=8000).
	@exec $(BIN)/python -m gateway dev --port $(PORT)

test: check ## Run every check and every test but those of `make e2e`.
	$(BIN)/python -m pytest -m "not e2e"

check: .venv/dev ## Format, lint, types, import contracts, exported schema.
	$(BIN)/pre-commit run --all-files --show-diff-on-failure

e2e: .venv/e2e ## Run the tests that need a browser or node; installs both.
	$(BIN)/python -m pytest -m e2e

chaos: .venv/dev ## Write through faults, kills and crashes, then read with each source sick; eleven minutes (SEED=1).
	$(BIN)/python -m tests.chaos --seed $(SEED)
	$(BIN)/python -m tests.failures --seed $(SEED)

soak: .venv/dev ## Ask 200,000 times through faults, and look at what is left over.
	$(BIN)/python -m tests.failures --soak 200000 --seed $(SEED)

identity: .venv/dev ## Ask as many callers at once and look for others' data, ten minutes (SEED=1).
	$(BIN)/python -m tests.identity --seed $(SEED)

fuzz: .venv/dev ## Send whatever a client may send, ten minutes (SEED=1).
	$(BIN)/python -m tests.fuzz --seed $(SEED)

audit: .venv/dev ## Look the pinned dependencies up among known advisories (OSV); needs the network.
	@$(BIN)/python -c 'import urllib.request as r; r.urlopen("https://api.osv.dev/v1/vulns/OSV-2020-111", timeout=15)' \
		2>/dev/null || { echo "The advisory service (api.osv.dev) can't be reached: nothing was looked up." >&2; exit 2; }
	$(BIN)/pip-audit --vulnerability-service osv --requirement requirements.lock --require-hashes --disable-pip \
		--strict --progress-spinner off --timeout 15

bench: .venv/bench ## Measure the gateway beside its peers, and its ledger: half an hour (BENCH="--seconds 2 --rounds 1").
	$(BIN)/python -m bench --into docs/bench $(BENCH)
	$(BIN)/python -m bench.ledger

schema: .venv/runtime ## Export the graph to schema.graphql.
	$(BIN)/python -m gateway schema > schema.graphql.new && mv schema.graphql.new schema.graphql

lock: .venv/dev ## Pin the newest releases that pyproject.toml allows.
	$(BIN)/uv pip compile $(LOCK) pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile $(LOCK) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])' \
		| $(BIN)/uv pip compile $(LOCK) - -o requirements-build.lock
LOCK := --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet

image: ## Build the container image.
	docker build -t helpdesk-gateway .

clean: ## Remove what the other targets made.
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/runtime: requirements.lock | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/dev: requirements-dev.lock | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@ .venv/runtime

.venv/e2e: tests/e2e_node/package-lock.json | .venv/dev
	command -v chromium >/dev/null && command -v npm >/dev/null || \
		{ apt-get update --quiet && apt-get install --yes --quiet --no-install-recommends chromium nodejs npm; }
	cd tests/e2e_node && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

.venv/bench: bench/peers/requirements.lock bench/peers/mercurius/package-lock.json | .venv/dev
	PATH="$$PATH:/usr/sbin"; command -v nginx >/dev/null && command -v wrk >/dev/null && command -v taskset >/dev/null || \
		{ apt-get update --quiet && apt-get install --yes --quiet --no-install-recommends nginx-light wrk util-linux; }
	command -v npm >/dev/null || apt-get install --yes --quiet --no-install-recommends nodejs npm
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --upgrade --target .venv/peers -r $<
	cd bench/peers/mercurius && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@
