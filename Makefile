# Everything a newcomer needs. Each target sets up what it needs by itself:
# a virtual environment in .venv, filled from the lock file by uv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.up-to-date

# As many tests at once as flask-outbox/tests/selection.py says for this machine.
PARALLEL := --numprocesses auto --dist worksteal

# The tests start hundreds of processes: without bytecode each would compile all libraries anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-quick test-library test-deployment check docs bench dist audit lock clean

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make the virtual environment from the lock file (the others do it when needed)

demo: $(STAMP) ## Run everything on this machine, with sample people and a mail inbox: http://localhost:5000
	@$(BIN)/microblog demo $(DEMO_OPTIONS)

test: $(STAMP) ## Run the tests (those that need a service or a browser are skipped where there is none)
	$(BIN)/pytest $(PARALLEL) $(TEST_OPTIONS)

test-quick: $(STAMP) ## Run the quick tests, which need no service, browser or process of their own
	$(BIN)/pytest $(PARALLEL) --quick $(TEST_OPTIONS)

# The library as people install it: no site, the wheel, all it needs in its newest and lowest version.
test-library: $(STAMP) build/library/.up-to-date build/library-lowest/.up-to-date ## Run the library's quick tests without the site, on the newest and the lowest versions it allows
	@rm -rf build/distributions
	@$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir build/distributions flask-outbox
	@for environment in library library-lowest; do \
		echo "on requirements/$$environment.txt:"; \
		VIRTUAL_ENV=$(CURDIR)/build/$$environment $(BIN)/uv pip install --quiet --no-deps --reinstall \
			build/distributions/flask_outbox-*.whl \
			&& (cd flask-outbox && ../build/$$environment/bin/pytest --quick $(PARALLEL) $(TEST_OPTIONS)) \
			|| exit 1; \
	done

test-deployment: $(STAMP) ## Run the commands of docs/deploy.md and docs/backup.md in a fresh Debian (as root)
	$(BIN)/python scripts/try_deployment.py

build/%/.up-to-date: requirements/%.txt $(STAMP)
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/$*
	@VIRTUAL_ENV=$(CURDIR)/build/$* $(BIN)/uv pip sync --quiet --require-hashes $<
	@touch $@

check: $(STAMP) ## Lint, types, arrows between packages, lock files, versions, workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd flask-outbox && ../$(BIN)/lint-imports --no-cache --config pyproject.toml
	cd microblog && ../$(BIN)/lint-imports --no-cache --config pyproject.toml
	$(BIN)/python scripts/check_sizes.py
	$(BIN)/python scripts/check_migrations.py
	$(BIN)/python scripts/check_locks.py
	$(BIN)/python scripts/check_release.py
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

docs: $(STAMP) ## Build the documentation as a site in build/docs; a warning is an error
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --nitpicky --jobs auto --fresh-env --write-all \
		-c docs -d build/doctrees . build/docs
	@echo "Open build/docs/index.html"

bench: $(STAMP) ## Measure what the documentation claims, on this machine
	$(BIN)/python -m benchmarks $(BENCH_OPTIONS)

dist: $(STAMP) ## Build what is published, twice and compared, with lists of parts (SBOM) and checksums
	$(BIN)/python scripts/dist.py

audit: $(STAMP) ## Ask which locked packages have a known vulnerability; no answer is a failure
	$(BIN)/python scripts/audit.py

lock: $(STAMP) ## Choose the newest versions that pyproject.toml allows and write the lock files
	$(BIN)/python scripts/lock.py

clean: ## Remove the virtual environments, what was built, and the caches
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(STAMP): pyproject.toml flask-outbox/pyproject.toml microblog/pyproject.toml requirements/dev.txt requirements/build.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Microblog needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "Python could not make a virtual environment; on Debian: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes requirements/dev.txt
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation \
		--editable flask-outbox --editable microblog
	@touch $@
