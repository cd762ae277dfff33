# What a newcomer types: `make run` (the demo) and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup page run test test-unit test-netns test-radio test-netem test-boot test-powercut test-page test-long lab bench lint deb clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 18

$(STAMP): pyproject.toml
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	@echo "Installing what gatewayd needs into $(VENV) (once; about a minute)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

setup: $(STAMP) page ## Make the virtual environment, build the page

page: $(STAMP) ## Build the page on the box into the package
	@$(PY) web/tools/build.py

run: setup ## Start the demo: no root, no radio, no tuner needed
	@$(PY) -B -m gatewayd --demo

lab: ## Prepare the lab on Debian, as root: QEMU, a kernel, hostapd, ...
	@$(PYTHON) tests/lab/prepare.py

lint: setup ## Style, types, direction of imports
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/mypy gatewayd tests bench web/tools
	@$(VENV)/bin/lint-imports --no-logo
	@$(PY) web/tools/build.py --check

test: lint test-unit test-page test-radio ## Everything that this machine can carry

test-unit: setup ## Unit and integration tests, the namespaces of the lab, the whole house at work
	@$(PY) -m pytest tests -m "not acceptance and not page" -n 3 --dist loadfile
	@$(PY) -m pytest tests -m acceptance -n 2 --dist loadfile

test-netns: setup ## Only the tests in network namespaces
	@$(PY) -m pytest tests -m netns

test-radio: setup ## Real hostapd and stations on software radios, in a VM
	@$(PY) -m tests.lab.vm radio netem --limit 2700

test-netem: setup ## The fault lab, scored: here what this kernel can do, the rest in a VM that has netem
	@echo "On this machine: every fault but those that need sch_netem (about 4 minutes)"
	@$(PY) -m pytest tests/diagnostics/test_matrix.py -m "netns and long" -s
	@echo "In the guest: the faults that need sch_netem, and the tests with its mark (about 8 minutes)"
	@$(PY) -m tests.lab.vm netem -- -s

test-boot: ## The .deb under systemd in a VM
	@echo "No content yet: the units and the package come with the work on the box (docs/roadmap.md)."

test-powercut: ## Power cuts in a VM
	@echo "No content yet: it comes with the work on the box (docs/roadmap.md)."

test-page: setup ## The page in Chromium; screenshots in build/screenshots
	@$(PY) -m pytest tests/page -m page -n 2 --dist loadfile

test-long: setup ## The long forms: hundreds of kills, millions of mutations; an hour or more
	@$(PY) -m pytest tests -m "long and not radio and not netem" -n 2 --timeout 3600 || test $$? -eq 5
	@$(PY) -m tests.lab.vm radio --limit 7200 -- -m "radio and long"
	@$(PY) -m tests.lab.vm netem -- -m "netem and long"

BENCH ?= all
bench: setup ## Measure beside peers: BENCH=recording|idle|wifi|speed|ping|portal
	@$(PY) -m bench $(BENCH)

deb: ## Build the Debian package
	@echo "No content yet: it comes with the work on the box (docs/roadmap.md)."

clean: ## Remove what was built; the lab's cache stays
	@rm -rf $(VENV) dist build web/build web/node_modules gatewayd/api/page .mypy_cache .ruff_cache .pytest_cache .hypothesis
