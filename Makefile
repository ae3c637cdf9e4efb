# Every target makes the virtual environment it needs, here in .venv, with nothing but Python >= 3.11.
#   make run     serve form, inbox and worker on this machine
#   make test    the checks, then the tests          make check   the checks alone
#   make sure    everything, long enumerations too   make bench   the benchmarks
#   make audit   ask the registry about known flaws   make pins   pin the requirements again
#   make mutants change rules and sealing: what     make clean   remove caches and .venv (never instance/)
#                does no test notice?

PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,$(if \
	$(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo yes),$(p))))
JOBS ?= 2
PY := .venv/bin/python
RUNTIME := .venv/runtime.stamp
DEV := .venv/dev.stamp
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes
PIN := $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header

.PHONY: run test check sure bench browser audit mutants pins clean

run: $(RUNTIME)
	@exec $(PY) app.py

test: check browser
	$(PY) -m pytest -n $(JOBS) --dist worksteal -m "not slow"

check: $(DEV)
	$(PY) -m ruff check --quiet .
	$(PY) -m ruff format --quiet --check .
	.venv/bin/lint-imports --no-logo
	$(PY) -m djlint --quiet --lint templates
	$(PY) -m djlint --quiet --check templates
	$(PY) -m bandit --quiet --configfile pyproject.toml --recursive app.py inquiries
	$(PY) -m mypy

sure: check browser
	$(PY) -m pytest -n $(JOBS) --dist worksteal --hypothesis-profile sure

bench: $(DEV)
	@command -v wrk >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get install -y -qq wrk; } || \
		{ echo "The benchmarks drive the servers with wrk: apt install wrk, or brew install wrk." >&2; exit 1; }
	$(PY) -m benchmarks.submit
	$(PY) -m benchmarks.list
	$(PY) -m benchmarks.sweep
	$(PY) -m benchmarks.ledger

browser: $(DEV)
	@sh tests/browser.sh $(PY)

audit: $(DEV)
	$(PY) -m pip_audit --strict --disable-pip --require-hashes --requirement requirements.txt

mutants: $(DEV)
	rm -rf mutants # whose results would outlive the tests that gave them
	nice -n 10 $(PY) -m mutmut run --max-children 1
	$(PY) -m tests.mutants

pins: $(DEV)
	$(PIN) requirements.in --output-file requirements.txt
	$(PIN) requirements-dev.in --output-file requirements-dev.txt

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache mutants
	find app.py inquiries tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): requirements.txt
	@$(make_venv)
	$(INSTALL) --requirement requirements.txt
	@touch $@

$(DEV): requirements-dev.txt
	@$(make_venv)
	$(INSTALL) --requirement requirements-dev.txt
	@touch $(RUNTIME) $@

define make_venv
if ! $(PY) -m pip --version >/dev/null 2>&1; then \
	if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer is needed." >&2; exit 1; fi; \
	echo "Making .venv with $$($(PYTHON) --version) (once; about a minute)"; \
	$(PYTHON) -m venv .venv; \
fi
endef
