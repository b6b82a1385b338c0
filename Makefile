# Every target makes the environment that it needs. `make help` lists them.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3

VENV := .venv
PY := $(VENV)/bin/python
EMULATOR := .local/emulator
SAM := .local/sam
POLICY := .local/policy
COMMAND := .local/command
PEERS := .local/peers
SOURCES := layers/darkroom client functions local tests benchmarks
export PYTHONPATH := layers/darkroom:client/src:.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export SAM_CLI_TELEMETRY := 0

# Installs a lock into an environment; what the installer has to say is shown only where it fails.
define install
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: set PYTHON=/path/to/python3" if sys.version_info < (3, 11) else 0)'
	@echo "installing $(2) into $(1)"
	@$(PYTHON) -m venv $(1)
	@$(1)/bin/python -m pip install --quiet --no-deps --require-hashes -r $(2) > $(1)/install.log 2>&1 || { grep -i error $(1)/install.log | sed 's#https\?://[^ ]*##g'; exit 1; }
	@touch $@
endef

help:  ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(VENV)/.made $(EMULATOR)/.made  ## make one picture with each provider on this machine, and show them
	@$(PY) -m local.stack.first_run

serve: $(VENV)/.made $(EMULATOR)/.made  ## run the local stack until Ctrl-C
	@exec $(PY) -m local.stack.serve

test:  ## check and test everything
	@$(MAKE) --no-print-directory -j4 environments
	@$(MAKE) --no-print-directory lint types sam policy pytest

environments: $(VENV)/.made $(EMULATOR)/.made $(SAM)/.made $(POLICY)/.made

policy: $(POLICY)/.made  ## scan the template for what a deployment should not allow
	@$(POLICY)/bin/checkov --config-file .checkov.yaml

deploy: $(VENV)/.made $(SAM)/.made  ## deploy to your AWS account: asks for what it needs
	@$(PY) -m local.deploying

keys: $(VENV)/.made  ## fill in the providers' keys and make the first API keys of a stack deployed by hand
	@$(PY) -m local.deploying keys

destroy: $(VENV)/.made $(SAM)/.made  ## delete the deployment; pictures, tasks and accounts are kept
	@$(PY) -m local.deploying destroy

command: $(COMMAND)/.made  ## install the command `darkroom`
	@echo "installed: $(COMMAND)/bin/darkroom (put it on your PATH, or: pipx install './client[cli]')"

# Keys go by the environment: what a command is called with can be read by everybody on a machine.
verify: export DARKROOM_URL := $(or $(URL),$(DARKROOM_URL))
verify: export DARKROOM_KEY := $(or $(KEY),$(DARKROOM_KEY))
verify: export DARKROOM_ADMIN_KEY := $(or $(ADMIN_KEY),$(DARKROOM_ADMIN_KEY))
verify: export DARKROOM_STREAMING_URL := $(or $(STREAMING_URL),$(DARKROOM_STREAMING_URL))
verify: export DARKROOM_WEBHOOK_SECRET := $(or $(WEBHOOK_SECRET),$(DARKROOM_WEBHOOK_SECRET))
verify: $(VENV)/.made  ## prove a deployment: URL=… KEY=… [ADMIN_KEY=… STACK=… STREAMING_URL=… WEBHOOK=… MODEL=…]
	@$(PY) -m darkroom_client.command.main verify $(if $(STACK),--stack "$(STACK)") $(if $(WEBHOOK),--webhook "$(WEBHOOK)") $(if $(MODEL),--model "$(MODEL)")

restore: $(VENV)/.made  ## put back what is missing from a restored table: FROM=… [APPLY=yes OPEN=yes STACK=…]
	@$(PY) -m local.restore.restore "$(FROM)" $(if $(STACK),--stack "$(STACK)") $(if $(filter yes,$(APPLY)),--apply) $(if $(filter yes,$(OPEN)),--open)

soak: $(VENV)/.made $(EMULATOR)/.made  ## a thousand tasks with random faults, and an audit of what is left
	@$(PY) -m local.soak

pytest: CALLS := $(CURDIR)/.local/calls
pytest: $(VENV)/.made $(EMULATOR)/.made
	@rm -rf $(CALLS)
	@DARKROOM_CALLS=$(CALLS) $(PY) -m pytest -q -n 3 tests
	@$(PY) -m local.auditing.rights $(CALLS)

unit: $(VENV)/.made  ## test the parts, without AWS
	@$(PY) -m pytest -q tests/unit

integration: $(VENV)/.made  ## test them together, on an AWS in process
	@$(PY) -m pytest -q tests/integration

e2e: $(VENV)/.made $(EMULATOR)/.made  ## test the deployed template on the local stack
	@$(PY) -m pytest -q tests/e2e

lint: $(VENV)/.made  ## check style, format and what may import what
	@$(VENV)/bin/ruff check --quiet $(wildcard $(SOURCES))
	@$(VENV)/bin/ruff format --quiet --check $(wildcard $(SOURCES))
	@mkdir -p .local
	@$(VENV)/bin/lint-imports --no-cache > .local/imports.log || { cat .local/imports.log; exit 1; }

format: $(VENV)/.made  ## put style and format right
	@$(VENV)/bin/ruff check --quiet --fix $(wildcard $(SOURCES))
	@$(VENV)/bin/ruff format --quiet $(wildcard $(SOURCES))

types: $(VENV)/.made  ## check the types, strictly
	@$(VENV)/bin/mypy --no-error-summary layers/darkroom/darkroom client/src local tests $(wildcard benchmarks)
	@for folder in functions/*/; do $(VENV)/bin/mypy --no-error-summary $$folder/app.py; done

sam: $(VENV)/.made $(SAM)/.made  ## validate the template and build what a deployment uploads
	@AWS_DEFAULT_REGION=us-east-1 $(SAM)/bin/sam validate --lint --template template.yaml > .local/sam.log 2>&1 || { cat .local/sam.log; exit 1; }
	@UV=$(CURDIR)/$(VENV)/bin/uv PYTHON=$(CURDIR)/$(PY) $(SAM)/bin/sam build --template template.yaml --build-dir .aws-sam/build > .local/sam.log 2>&1 || { cat .local/sam.log; exit 1; }
	@echo "template valid, layer built: $$(du -sm .aws-sam/build/DarkroomLayer | cut -f1) MB"

bench: $(VENV)/.made $(EMULATOR)/.made  ## measure speed, memory and cost against named baselines
	@$(MAKE) --no-print-directory $(PEERS)/python/.made || echo "LiteLLM is left out"
	@$(MAKE) --no-print-directory $(PEERS)/node/.made || echo "Portkey and Restate are left out: they need Node.js and npm"
	@$(PY) -m benchmarks

client: $(VENV)/.made  ## make the client's synchronous form of its asynchronous one
	@$(PY) -m local.sync_client

catalog: $(VENV)/.made  ## put the catalog's files together
	@$(PY) -m local.catalog_rows

openapi: $(VENV)/.made  ## write the OpenAPI document anew
	@$(PY) -m local.openapi.document

lock: $(VENV)/.made  ## lock the dependencies anew, with hashes and without addresses
	@for name in dev emulator sam policy command peers; do $(VENV)/bin/uv pip compile $(LOCK) requirements/$$name.in -o requirements/$$name.txt; done
	@$(VENV)/bin/uv pip compile $(LOCK) requirements/runtime.in -o layers/darkroom/requirements.txt
LOCK := --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header

clean:  ## remove everything that was made here
	@rm -rf $(VENV) .local .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis pictures

$(VENV)/.made: requirements/dev.txt
	$(call install,$(VENV),requirements/dev.txt)

$(EMULATOR)/.made: requirements/emulator.txt
	$(call install,$(EMULATOR),requirements/emulator.txt)

$(SAM)/.made: requirements/sam.txt
	$(call install,$(SAM),requirements/sam.txt)

$(POLICY)/.made: requirements/policy.txt
	$(call install,$(POLICY),requirements/policy.txt)

$(COMMAND)/.made: requirements/command.txt client/pyproject.toml $(wildcard client/src/darkroom_client/*.py client/src/darkroom_client/*/*.py)
	$(call install,$(COMMAND),requirements/command.txt)
	@$(COMMAND)/bin/python -m pip install --quiet --no-deps --no-build-isolation ./client >> $(COMMAND)/install.log 2>&1 || { rm -f $@; tail -3 $(COMMAND)/install.log | sed 's#https\?://[^ ]*##g'; exit 1; }

$(PEERS)/python/.made: requirements/peers.txt
	$(call install,$(PEERS)/python,requirements/peers.txt)

$(PEERS)/node/.made: benchmarks/peers/package.json benchmarks/peers/package-lock.json
	@echo "installing benchmarks/peers into $(PEERS)/node"
	@mkdir -p $(PEERS)/node
	@cp $^ $(PEERS)/node
	@npm ci --prefix $(PEERS)/node --ignore-scripts --no-audit --no-fund > $(PEERS)/node/install.log 2>&1
	@touch $@

.PHONY: help run serve test environments pytest unit integration e2e lint format types sam policy soak verify command deploy keys destroy bench client catalog openapi lock clean
