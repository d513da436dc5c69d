# One job, one target. `make up` and `make test` need nothing but Python 3.11 or later.
SHELL := /bin/sh
.DEFAULT_GOAL := help

ifndef PYTHON
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; exit; }; done; echo no-python-3.11-found)
endif
BANDPLAN := .venv/bin/bandplan
# Workers of the test run: one per core, at most four (tests start processes of their own).
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(4, os.cpu_count() or 1))' 2>/dev/null || echo 1)

.PHONY: help up down preview destroy test test-warm test-engine test-torch gpu-check check check-style check-format check-types check-arrows check-fresh check-workflows format dist release lock raise-pulumi clean install-run install-plugin install-dev require-python

help:  ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

up: install-run  ## deploy models.yaml to the local workspace, then send every endpoint one query
	@$(BANDPLAN) up

preview: install-run  ## show what `make up` would change
	@$(BANDPLAN) preview

destroy: install-run  ## delete the endpoints
	@$(BANDPLAN) destroy

down: install-run  ## stop the local workspace and keep its state
	@$(BANDPLAN) stub stop

test: install-dev  ## run the whole test suite
	@.venv/bin/python -m pytest -q -n $(WORKERS) --dist worksteal $(ARGS)

test-warm: install-dev  ## run the tests of the command line with a warm process for each command (docs/warm.md)
	@BANDPLAN_WARM=always .venv/bin/python -m pytest -q -n $(WORKERS) --dist worksteal tests/cli tests/e2e $(ARGS)

# The server has an environment of its own, so that the others stay light; uv changes nothing where it is right already.
test-engine: install-dev  ## test the engine `openai` with a real server, llama.cpp (installs 40 MB into .venv-engine)
	@test -x "$(UV)" || $(PYTHON) -m pip --python .venv/bin/python install --quiet --require-hashes -r requirements/uv.lock.txt
	@test -x .venv-engine/bin/python || $(UV) venv --quiet --python .venv/bin/python .venv-engine
	@$(UV) pip sync --quiet --python .venv-engine/bin/python --require-hashes requirements/engine.lock.txt
	@.venv/bin/python -m pytest -q tests/engine $(ARGS)

test-torch: require-python  ## run the tests of the engine that uses torch (downloads 3 GB once, into .venv-torch)
	@$(PYTHON) requirements/install.py torch
	@.venv-torch/bin/python -m pytest -q tests/torch $(ARGS)

gpu-check: require-python  ## check and time the engine that uses torch on a GPU (PYTHON=... names a Python with torch; OUTPUT=build)
	@$(PYTHON) -m benchmarks.gpu --output $(or $(OUTPUT),build)

check: check-style check-format check-types check-arrows check-fresh check-workflows  ## check style, types, import arrows, generated files and workflows
check-style: install-dev
	.venv/bin/ruff check .
check-format: install-dev
	.venv/bin/ruff format --check .
check-types: install-dev
	.venv/bin/mypy
check-arrows: install-dev
	.venv/bin/lint-imports --no-cache
check-fresh: install-dev
	$(BANDPLAN) schema --check
	.venv/bin/python -m bandplan.cli.reference --check
# zizmor is locked with the rest. actionlint is a Go program that no locked package contains: if it is not on PATH, only
# zizmor and the tests check the workflows, and the output says so. CI installs it.
check-workflows: install-dev
	.venv/bin/zizmor --offline --quiet .github/workflows
	@if command -v actionlint >/dev/null; then echo actionlint; actionlint; else \
		echo "actionlint is not on PATH and was skipped; to install it: go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"; fi

format: install-dev  ## fix the style, and write the generated files
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
	$(BANDPLAN) schema --write
	.venv/bin/python -m bandplan.cli.reference --write

# Universal: one lock for every platform and every Python from 3.11. `core` is what `pip install bandplan` needs, `run` adds
# the extras, `dev` the tools; each constrains the next. The wheel contains the first two: `bandplan init` writes them as a
# team's requirements.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock' $(UPGRADE) $(if $(PULUMI),--upgrade-package pulumi==$(PULUMI))
# In the package, because they become a team's requirements; `requirements/` links to them.
LOCKS = bandplan/starter/locks
UV = $(shell command -v uv || echo .venv/bin/uv)
lock: require-python $(if $(PULUMI),raise-pulumi)  ## resolve the dependencies again (UPGRADE=--upgrade: newer releases too; PULUMI=3.280.0: that SDK, if it passes its tests)
	@test -x "$(UV)" || $(PYTHON) -m pip --python .venv/bin/python install --quiet --require-hashes -r requirements/uv.lock.txt
	$(COMPILE) pyproject.toml -o $(LOCKS)/core.lock.txt
	$(COMPILE) pyproject.toml --all-extras -c $(LOCKS)/core.lock.txt -o $(LOCKS)/run.lock.txt
	$(COMPILE) pyproject.toml --all-extras --group dev -c $(LOCKS)/run.lock.txt -o requirements/dev.lock.txt
	$(COMPILE) --group engine -o requirements/engine.lock.txt
	$(COMPILE) pyproject.toml --all-extras --group torch -c requirements/dev.lock.txt -o requirements/torch.lock.txt
	$(COMPILE) --group uv -o requirements/uv.lock.txt

# The SDK has an upper bound, because parts of it that are not public are in use. `make lock PULUMI=3.280.0` installs that
# release, runs the parity tests with it and with the `pulumi` on PATH, and moves the bound only if they pass.
raise-pulumi: install-dev
	@command -v pulumi >/dev/null || { echo "error: no pulumi on PATH, so the parity tests would compare nothing; install it and run make lock again" >&2; exit 1; }
	@test -x "$(UV)" || $(PYTHON) -m pip --python .venv/bin/python install --quiet --require-hashes -r requirements/uv.lock.txt
	$(UV) pip install --quiet --python .venv/bin/python pulumi==$(PULUMI)
	.venv/bin/python -m pytest -q -n $(WORKERS) -k "not test_each_room_names_the_locked and not test_no_release_after" \
		tests/test_pulumi_internals.py tests/embedded tests/plugin tests/components tests/policies tests/e2e/test_same_plan.py
	.venv/bin/python requirements/raise_pulumi.py $(PULUMI)

# The sdist first, then the wheel from it, so that the sdist is known to be complete. It resolves the links of components/
# and policies/. The locked setuptools does it, so no index is asked.
dist: install-dev  ## build the package into dist/: wheel and sdist, with their hashes
	@test -x "$(UV)" || $(PYTHON) -m pip --python .venv/bin/python install --quiet --require-hashes -r requirements/uv.lock.txt
	rm -rf dist
	$(UV) build --quiet --no-build-isolation --python .venv/bin/python --out-dir dist
	@rm -rf build bandplan.egg-info dist/.gitignore
	@cd dist && $(CURDIR)/.venv/bin/python -m pip hash bandplan-*

release: require-python  ## set the version, date the changelog, commit and tag: make release VERSION=0.2.0
	@$(PYTHON) requirements/release.py $(VERSION)

clean:  ## stop the local workspace and remove everything made here: state, environment, caches
	@test ! -x $(BANDPLAN) || $(BANDPLAN) stub stop || true
	rm -rf .bandplan .venv .venv-engine .venv-torch .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

require-python:
	@command -v $(PYTHON) >/dev/null || { echo "error: no Python 3.11 or later on PATH; install one, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }

install-run: require-python
	@$(PYTHON) requirements/install.py run

# The published `databricks` plugin in the locked version, which pulumi would otherwise download during a preview.
install-plugin: install-run
	pulumi plugin install resource databricks "$$(.venv/bin/python -c 'from importlib.metadata import version; print(version("pulumi-databricks"))')"

install-dev: require-python
	@$(PYTHON) requirements/install.py dev
