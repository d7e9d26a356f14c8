.DEFAULT_GOAL := help
# What .venv leads to when a recipe begins: a service keeps its environment when .venv leads to another one.
BIN = "$(realpath .venv)/bin"
PYTHON = $(BIN)/python
export PYTHONPATH := layers/dicom_service:.
export AWS_DEFAULT_REGION ?= eu-central-1
export SAM_CLI_TELEMETRY := 0

help:  ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# A link to an environment in .venvs/; requirements/environment.sh says how it is made and replaced.
.venv/.made: requirements/dev.txt
	@sh requirements/environment.sh

run: .venv/.made $(if $(filter rie,$(RUNTIME)),build)  ## the service, an embedded PACS and AWS emulated, on this machine
	@exec $(PYTHON) -m local

demo: .venv/.made  ## the story of one exam, against a running service or one of its own
	@exec $(PYTHON) -m local.demo

probe: .venv/.made  ## what the PACS at PACS_SERVICE_URL can do; STORE=true lets it store one object and remove it
	@exec $(PYTHON) -m local.probe

test: .venv/.made  ## every test
	$(PYTHON) -m pytest -n 2 --dist loadfile

test-e2e: build  ## the story and its flow again, with every function as it is built, in the real Lambda runtime
	RUNTIME=rie $(PYTHON) -m pytest -n 2 --dist loadfile tests/flow tests/security tests/e2e

lint: .venv/.made  ## ruff, mypy, the template
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sam validate --lint

# In an environment of its own: its packages would hold back those of the project.
CHECKOV = .checkov/bin/checkov
.checkov/bin/checkov: requirements/checkov.txt .venv/.made
	@rm -rf .checkov && $(PYTHON) -m venv .checkov && .checkov/bin/python -m pip install -q --disable-pip-version-check -r requirements/checkov.txt

checkov: $(CHECKOV)  ## the template against what AWS and others recommend; .checkov.yaml says what does not apply, and why
	@$(CHECKOV) --config-file .checkov.yaml 2>/dev/null

ARCHITECTURE ?= x86_64
build: .venv/.made  ## what is deployed, in .aws-sam/; ARCHITECTURE=arm64 for the other processors
	PATH=$(BIN):"$$PATH" ARCHITECTURE=$(ARCHITECTURE) $(BIN)/sam build --parameter-overrides Architecture=$(ARCHITECTURE)

# In an environment of its own, as checkov is.
CYCLONEDX = .cyclonedx/bin/cyclonedx-py
.cyclonedx/bin/cyclonedx-py: requirements/cyclonedx.txt .venv/.made
	@rm -rf .cyclonedx && $(PYTHON) -m venv .cyclonedx && .cyclonedx/bin/python -m pip install -q --disable-pip-version-check -r requirements/cyclonedx.txt

sbom: build $(CYCLONEDX)  ## a release's papers in dist/: the packages of each layer (CycloneDX), and their licences
	@mkdir -p dist
	$(PYTHON) -m deployment.licences .aws-sam/build > dist/licences.txt
	@for layer in DicomService Identity Imaging; do \
	  PYTHONPATH=.aws-sam/build/$${layer}Layer/python $(CYCLONEDX) environment -S --output-reproducible --short-PURLs \
	    -o dist/sbom-$$layer.cdx.json "$$($(PYTHON) -c 'import sys; print(sys._base_executable)')" 2>/dev/null || exit 1; \
	done
	@ls dist

openapi: .venv/.made  ## docs/openapi.json, docs/scopes.md and the documentation page, from the handlers
	$(PYTHON) -W error -m local.openapi

lock: .venv/.made  ## the pinned requirements, anew
	$(PYTHON) -m uv pip compile -q -U --python-version 3.13 --generate-hashes --no-annotate --no-header \
	  requirements/dev.in -o requirements/dev.txt
	for layer in dicom_service imaging identity; do \
	  $(PYTHON) -m uv pip compile -q --python-version 3.13 --python-platform x86_64-manylinux_2_28 --generate-hashes \
	    --no-annotate --no-header -c requirements/dev.txt layers/$$layer/requirements.in -o layers/$$layer/requirements.txt; \
	done

settings: .venv/.made  ## docs/settings.md, after the table of the settings changed
	$(PYTHON) -m local.settings_page

contact-sheet: .venv/.made  ## docs/contact-sheet.png: the pictures of every test file of pydicom and pydicom-data
	$(PYTHON) -m bench.contact_sheet docs/contact-sheet.png

redrive: .venv/.made  ## dead letters back to their queues: of the stack in AWS, or another by STACK=, or of make run with AWS=http://...
	@$(PYTHON) -m local.redrive $(if $(AWS),--aws $(AWS)) $(if $(STACK),--stack $(STACK))

api-key: .venv/.made  ## API keys: DO="create NAME SCOPES…", DO=list, DO="revoke ID"; of the stack in AWS, or with AWS=http://...
	@$(PYTHON) -m local.api_key $(if $(AWS),--aws $(AWS)) $(if $(STACK),--stack $(STACK)) $(or $(DO),--help)

move-workitems: .venv/.made  ## once after an update from a version that kept its own workitems beside the claims: into the worklist's table; STACK=, or AWS=http://...
	@$(PYTHON) -m local.move_workitems $(if $(AWS),--aws $(AWS)) $(if $(STACK),--stack $(STACK))

ENV ?= dev
deploy: .venv/.made  ## to AWS, with samconfig.toml's parameters of ENV: dev, staging or prod; CONFIRM=no asks nobody
	@$(PYTHON) -m deployment.stage $(ENV) $(if $(filter no,$(CONFIRM)),--yes)

.PHONY: help run demo probe test test-e2e lint checkov build sbom openapi settings lock contact-sheet redrive api-key move-workitems deploy
