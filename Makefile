# `make help` says what each target does.
.DEFAULT_GOAL := help
.PHONY: help demo run test faults check style types layers migrations production documents
.PHONY: bench peers rehearse lock schema stop clean
export PYTHON

python := .venv/bin/python
manage := $(python) manage.py
as_owner := DATABASE_ROLE=owner $(manage)
installed := .venv/installed
provider := iam/tests/provider
provided := $(provider)/node_modules/.package-lock.json
pin := uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-header

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(installed) ## Play a whole campaign, then serve the console (SERVE=0: end instead)
	@$(manage) demo $(if $(filter 0,$(SERVE)),--no-serve)

run: $(installed) ## Migrate, then serve the console at http://127.0.0.1:8000/ (PUBLIC_URL: elsewhere)
	@$(as_owner) migrate --verbosity 0
	@$(manage) serve

test: $(installed) $(provided) peers ## Run every test (ARGS="-k words" chooses)
	@$(python) -m pytest --numprocesses 2 --dist worksteal $(ARGS)

faults: $(installed) $(provided) peers ## Run the tests that kill processes in the middle of their work, in full
	@FAULT_KILLS=500 LOAD_SECONDS=600 $(python) -m pytest -m faults $(ARGS)

peers:
	@.ci/peers

rehearse: $(installed) peers ## Start what docker-compose.yml describes as processes, ask it, stop it
	@deploy/rehearse.sh

check: style types layers migrations production documents ## Hold everything but the tests (-k: go on after a failure)

style: $(installed)
	$(python) -m ruff check
	$(python) -m ruff format --check

types: $(installed)
	$(python) -m mypy

layers: $(installed)
	.venv/bin/lint-imports --no-logo

migrations: $(installed)
	$(manage) makemigrations --check --dry-run
	$(manage) check_migrations

production: $(installed)
	set -a; . deploy/production-check.env; $(manage) check --deploy --fail-level WARNING

documents: $(installed)
	$(manage) dump_schema --check
	$(manage) erd --check
	$(manage) spectacular --validate --fail-on-warn | diff docs/openapi.yaml -

bench: $(installed) ## Measure, and write docs/benchmarks.md, in ten minutes (FULL=1: hours; ONLY=pooler)
	@PYTHONPATH=. $(python) benchmarks/collecting.py $(if $(FULL),--full) $(if $(ONLY),--only $(ONLY))

lock: $(installed) ## Compile the exact pins with hashes from the .in files (needs uv)
	$(pin) requirements.in -o requirements.txt
	$(pin) requirements-dev.in -o requirements-dev.txt

schema: $(installed) ## Write docs/schema.sql, data-model.md and openapi.yaml from what there is
	$(manage) dump_schema
	$(manage) erd
	$(manage) spectacular --validate --fail-on-warn --file docs/openapi.yaml

stop: $(installed) ## Stop the embedded servers
	@$(manage) embedded stop

clean: ## Stop the servers, delete .venv and the caches; .local with your databases stays
	@if [ -e $(installed) ]; then $(manage) embedded stop; fi
	rm -rf .venv $(provider)/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache static-collected
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(python):
	@found=$$(deploy/find-python) && echo "Making .venv with $$found" && "$$found" -m venv --clear .venv

$(provided): $(installed) $(provider)/package-lock.json
	@echo "Installing the OpenID provider of the tests"
	@.venv/bin/npm ci --prefix $(provider) --silent --no-audit --no-fund
	@touch $@

$(installed): $(python) requirements-dev.txt
	@echo "Installing what requirements-dev.txt pins"
	@$(python) -m pip install -qq --disable-pip-version-check --no-input --require-hashes -r requirements-dev.txt
	@touch $@
