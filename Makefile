# make app    makes .venv where needed and starts the app. Options: PORT, ADDRESS, TRANSFERLAB_HOME,
#             TRANSFERLAB_DATABASE_URL
# make classroom  the same for a class, which joins by a code that is printed. Options as above
# make test   everything .ci/run checks: lint, types, tests
# make test-all  the same with the slow tests: every family of networks, textbook systems in full
# make fuzz   property tests with new random examples, for MINUTES (10), until one fails
# make audit  known weaknesses of what is installed; asks the internet
# make hooks  pre-commit runs lint, types and the rules of the house before each commit
# make setup  only the environment, in .venv
# The interpreter is the first suitable one on PATH; PYTHON=... chooses another.

PORT ?= 8501
# Empty for the usual one: localhost, or every address in a classroom.
ADDRESS ?=
MINUTES ?= 10
VENV := .venv
IN_VENV := $(VENV)/bin/python -m

SUITABLE := import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c '$(SUITABLE)' >/dev/null 2>&1 && echo $$python && break; done)

# Each stamp is touched last, so that an interrupted step is done again.
MADE := $(VENV)/.made
REQUIREMENTS := $(VENV)/.requirements
INSTALLED := $(VENV)/.installed
DEVELOPMENT := $(VENV)/.development

.PHONY: app classroom setup requirements test test-all fuzz development system lint types format hooks audit clean

app: $(INSTALLED)
	@$(IN_VENV) tl_core app --port $(PORT) $(addprefix --address ,$(ADDRESS))

classroom: $(INSTALLED)
	@$(IN_VENV) tl_core app --classroom --port $(PORT) $(addprefix --address ,$(ADDRESS))

setup: $(INSTALLED)

requirements: $(REQUIREMENTS)

$(MADE):
	@$(or $(PYTHON),false) -c '$(SUITABLE)' 2>/dev/null || { echo "TransferLab needs Python 3.11, 3.12 or 3.13 \
	with its venv module, and $(or $(PYTHON),what is on PATH) is not that: install one, or name one as in \
	make setup PYTHON=/path/to/python3.12." >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(REQUIREMENTS): requirements.txt $(MADE)
	$(IN_VENV) pip install -r requirements.txt
	@touch $@

$(INSTALLED): pyproject.toml $(REQUIREMENTS)
	$(IN_VENV) pip install --no-deps -e .
	@touch $@

development: $(DEVELOPMENT)

$(DEVELOPMENT): requirements-dev.txt $(INSTALLED)
	$(IN_VENV) pip install -r requirements-dev.txt
	@touch $@

# Without a reordering, which would put the longest files, of few tests, last.
PYTEST := $(IN_VENV) pytest -n 2 --dist loadfile --no-loadscope-reorder

test: development system lint types
	$(PYTEST)

test-all: development system lint types
	$(PYTEST) -m "slow or not slow"

# The last round is finished. A seed repeats its round; what fails tells how to repeat that alone.
fuzz: development
	@end=$$(($$(date +%s) + 60 * $(MINUTES))); \
	while seed=$$(date +%s) && [ $$seed -lt $$end ]; do \
		HYPOTHESIS_PROFILE=fuzz $(PYTEST) -q -x -m "hypothesis and not slow" \
			--hypothesis-seed=$$seed || exit 1; \
	done

# A real browser, and PostgreSQL: without the latter its tests are skipped.
system: development
	.ci/system-packages
	@command -v chromium >/dev/null || $(IN_VENV) playwright install chromium

lint: development
	$(IN_VENV) ruff check .
	$(IN_VENV) ruff format --check .

types: development
	$(IN_VENV) mypy

format: development
	$(IN_VENV) ruff check --fix .
	$(IN_VENV) ruff format .

hooks: development
	$(IN_VENV) pre_commit install

# Fails where a weakness is known, and offline. OSV, since PyPI skips what it does not know and succeeds. We
# ourselves are in no list (--skip-editable).
audit: development
	@$(IN_VENV) pip_audit --local --skip-editable -s osv --progress-spinner off || { echo "make audit: either \
	something above has a known weakness, or api.osv.dev was not reached, so that nothing is known." >&2; exit 1; }

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
