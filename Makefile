# `make run` and `make test` set up all that they need. `make help` lists the rest.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$p; break; }; done)
BIN := .venv/bin
SAM := .cache/sam/bin/sam
ENV ?= dev
IMAGE ?= embeddingsfunction:imgvec-embeddings
ENCODERS ?= starter
PROVIDER ?= cpu
MODELS ?= models
HOST ?= 127.0.0.1
PORT ?= 8000
N ?= 10000
SEED ?= 1
MINUTES ?= 60

PEERS := $(foreach peer,fastembed transformers infinity,.cache/peers/$(peer)/ready)

# ONNX Runtime reports to its maker unless it is told not to; imgvec tells it, the benchmark's peers do not.
export ORT_DISABLE_TELEMETRY := 1

.DEFAULT_GOAL := help
# Every target that is no file.
.PHONY: $(shell sed -nE 's/^([a-z-]+):.*/\1/p' $(MAKEFILE_LIST))

help: ## List the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

# Its keys and files lie in the clone, unless IMGVEC_DATA says otherwise. `make clean` leaves them.
run: .venv/run ## Set up, start the server, print a key and a request for each dialect.
	@IMGVEC_DATA="$${IMGVEC_DATA:-$(CURDIR)/.imgvec}" $(BIN)/imgvec serve --host $(HOST) --port $(PORT) \
		--welcome examples/cat.jpg

test: .venv/test ## Set up and run the whole test suite, with coverage.
	@$(BIN)/pytest --cov --cov-report=term

test-runtime: .venv/test .cache/sam/ready .cache/runtime/ready ## Run the contract under the real Lambda runtime, no container needed.
	@TEST_PLACES="lambda function-url" $(BIN)/pytest tests/contract tests/runtime
	@PYTHONPATH=. $(BIN)/python tests/performance/cold_start.py

test-endpoint: .venv/test ## Run the contract with the encoder behind a SageMaker endpoint, on the CPU.
	@TEST_PLACES="endpoint endpoint-clip" $(BIN)/pytest tests/contract

test-endpoint-container: .venv/test ## The same in the serving image, built here: PROVIDER=cpu or cuda. Needs root, Docker's daemon, mmdebstrap.
	@PROVIDER=$(PROVIDER) tests/cloud/endpoint.sh

bench-gpu: .venv/test ## Figures of the endpoint's encoder: make bench-gpu PROVIDER=cuda; short on a CPU.
	@PYTHONPATH=. $(BIN)/python tests/performance/gpu.py --provider $(PROVIDER) --models $(MODELS) $(ENCODERS)

endpoint-image: PROVIDER = cuda
endpoint-image: ## Build the serving image: make endpoint-image ENCODERS=clip-vit-b32; PROVIDER=cpu for no GPU.
	@docker build -f infra/sagemaker/Dockerfile --build-arg ENCODERS=$(shell echo $(ENCODERS) | tr ' ' ,) \
		--build-arg PROVIDER=$(PROVIDER) -t imgvec-endpoint .

test-cloud: .venv/test .cache/sam/ready .cache/runtime/ready .cache/emulator/ready ## Build with SAM, run in containers, deploy into an emulator, run the contract there.
	@tests/cloud/run.sh

test-first-deploy: .venv/test .cache/sam/ready .cache/runtime/ready .cache/emulator/ready ## make deploy ENV=prod from nothing, on an emulator; part of test-cloud. CLIP_SHAPES=clip-vit-b32: the true shape.
	@tests/cloud/first.sh

hostile: .venv/test ## N hostile requests to a running server, and what came back: make hostile N=200000 SEED=1
	@PYTHONPATH=. $(BIN)/python tests/hostile/campaign.py $(N) $(SEED)

test-parity: .venv/test .cache/parity/ready ## Pixels and tokens beside OpenAI's and transformers' own; 3 GB of downloads on Linux.
	@$(BIN)/pytest -s tests/parity

test-aws: .venv/test ## The contract and the gateway's probes on a real stack: make test-aws STACK=imgvec-dev
	@test -n "$(STACK)" || { echo "make test-aws STACK=name"; exit 1; }
	@eval "$$($(BIN)/python tests/cloud/outputs.py $(STACK) $(AWS_ENDPOINT_URL))" && \
		TEST_PLACES=deployed TEST_PICTURES=$(TEST_PICTURES) $(BIN)/pytest -rs -k "deployed or gateway_probes" \
		tests/contract tests/cloud/gateway_probes.py

emulator: .cache/emulator/ready ## Install the emulator of AWS that the S3 tests run against.

deploy: .venv/models .cache/sam/ready ## Encoders, image, stack: make deploy ENV=prod PARAMETERS="LogDays=30"
	@$(BIN)/python -m infra.deploy $(ENV) --sam $(SAM) $(PARAMETERS)

logs: .cache/sam/ready ## Follow the functions' logs: make logs ENV=dev
	@$(SAM) logs --stack-name imgvec-$(ENV) --tail

destroy: .venv/run .cache/sam/ready ## Delete the stack; table and bucket stay: make destroy ENV=dev
	@$(BIN)/imgvec keys detach --stack imgvec-$(ENV) && $(SAM) delete --stack-name imgvec-$(ENV)

image-size: ## Size and layers of the image that `sam build` made, and the time of its imports.
	@docker image inspect $(IMAGE) --format '{{.Size}} bytes'
	@docker history --format '{{.Size}}\t{{.CreatedBy}}' $(IMAGE)
	@docker run --rm --entrypoint python3 -e IMGVEC_DATA=/tmp/imgvec $(IMAGE) -c \
		"import time; t = time.perf_counter(); import app; print(f'import of the function: {time.perf_counter() - t:.2f} s')"

wheels: .venv/test ## List anew which wheels of the functions' locks the base images get (asks the package index).
	@PYTHONPATH=. $(BIN)/python tests/support/aws/locked_wheels.py

events: .venv/test ## Write events/ anew, from the requests of the contract tests.
	@PYTHONPATH=. $(BIN)/python tests/support/aws/sample_events.py

load: .venv/test ## Good-put under overload, what a refusal costs, and what becomes of requests at SIGTERM.
	@PYTHONPATH=. $(BIN)/python tests/performance/refusal.py --source stored
	@PYTHONPATH=. $(BIN)/python tests/performance/refusal.py --source upload
	@PYTHONPATH=. $(BIN)/python tests/performance/load.py overload --source stored
	@PYTHONPATH=. $(BIN)/python tests/performance/load.py drain
	@PYTHONPATH=. $(BIN)/python tests/performance/load.py overload --source upload

memory: .venv/test ## Resident memory under 500 images at once, and under downloads that break off.
	@PYTHONPATH=. $(BIN)/python tests/performance/memory.py images --count 500 --megapixels 0.3
	@PYTHONPATH=. $(BIN)/python tests/performance/memory.py images --count 500 --megapixels 2
	@PYTHONPATH=. $(BIN)/python tests/performance/memory.py downloads

soak: .venv/test ## Good and bad requests for a long time: make soak MINUTES=60
	@PYTHONPATH=. $(BIN)/python tests/performance/soak.py --minutes $(MINUTES)

clip-live: .venv/test ## Pull, verify, build and try the real CLIP; the one target that needs the internet.
	@$(BIN)/imgvec models pull clip-vit-b32
	@$(BIN)/imgvec models build clip-vit-b32
	@$(BIN)/imgvec models verify clip-vit-b32
	@$(BIN)/python examples/zero_shot.py clip-vit-b32 examples/cat.jpg "a photo of a cat" "a photo of a dog"
	@$(BIN)/imgvec models quality clip-vit-b32

bench: .venv/test $(PEERS) .cache/shipped/ready ## Measure everything beside others; writes docs/performance.md (some 10 minutes).
	@PYTHONPATH=. $(BIN)/python -m benchmarks

scale: .venv/test ## Simulate 10 to 10,000 requests a second; writes docs/scale.md.
	@PYTHONPATH=. $(BIN)/python -m benchmarks.scale

audit: .venv/test .cache/audit/ready ## Known vulnerabilities of the locked packages, from the service or as remembered.
	@PYTHONPATH=. $(BIN)/python tests/supply/audit.py

sbom: .cache/sbom.json ## Write the software bill of materials (CycloneDX) of the image to .cache/sbom.json.

licences: .cache/sbom.json ## List the licences of all that ships.
	@$(BIN)/python tests/supply/licences.py

lint: .venv/test ## Lint, formatting, and that no room imports from above.
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports --no-logo --no-cache

types: .venv/test ## Types, strict.
	@$(BIN)/mypy

check: lint types test ## All that CI runs.

docs: .venv/test ## Write docs/settings.md, docs/commands.md, openapi.json and the picture in docs/deploy.md anew.
	@$(BIN)/python docs/generate.py

COMPILE := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate
HERE := $(COMPILE) --python-version 3.11
IN_IMAGES := $(COMPILE) --python-version 3.13 -c requirements/run.txt
# What tokenizers and ONNX Runtime ask for and nothing of ours imports.
NOT_IMPORTED := $(addprefix --no-emit-package ,colorama filelock flatbuffers fsspec hf-xet httpx2 httpx2-jsfetch huggingface-hub packaging protobuf pyyaml tqdm)

lock: .venv/run ## Resolve anew what is installed here (needs uv).
	@$(HERE) pyproject.toml -o requirements/run.txt
	@$(HERE) pyproject.toml --extra models -c requirements/run.txt -o requirements/models.txt
	@$(HERE) pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt
	@$(HERE) --group build -o requirements/build.txt

lock-images: ## Resolve anew what the functions and the serving image contain, from requirements.in (needs uv).
	@$(IN_IMAGES) $(NOT_IMPORTED) --no-emit-package click functions/embeddings/requirements.in -o functions/embeddings/requirements.txt
	@$(IN_IMAGES) layers/core/requirements.in -o layers/core/requirements.txt
	@$(IN_IMAGES) $(NOT_IMPORTED) infra/sagemaker/requirements.cuda.in -o infra/sagemaker/requirements.cuda.txt
	@$(IN_IMAGES) $(NOT_IMPORTED) infra/sagemaker/requirements.cpu.in -o infra/sagemaker/requirements.cpu.txt
	@$(MAKE) wheels

lock-tools: ## Resolve anew the tools of single stages, each in an environment of its own (needs uv).
	@echo aws-sam-cli | $(HERE) - -o requirements/sam.txt
	@echo awslambdaric | $(HERE) - -o requirements/runtime.txt
	@printf '%s\n' pip-audit cyclonedx-bom | $(HERE) - -o requirements/audit.txt
	@echo fastembed | $(HERE) - -o requirements/fastembed.txt
	@printf '%s\n' open-clip-torch torchvision transformers | $(HERE) -c requirements/run.txt - -o requirements/parity.txt

clean: ## Remove the environment and all caches. Keys and files of `make run` stay, in .imgvec.
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "imgvec needs Python 3.11 or newer, as python3 or in PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python's venv is missing (Debian: apt install python3-venv)"; rm -rf .venv; exit 1; }

# Everything by hash; the package itself last, in place.
.venv/run: .venv/bin/python requirements/run.txt requirements/build.txt pyproject.toml
	@echo "Setting up .venv (a minute or so, once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/run.txt -r requirements/build.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/models: .venv/run requirements/models.txt
	@echo "Setting up what builds encoders (a moment, once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/models.txt
	@touch $@

.venv/test: .venv/run requirements/dev.txt
	@echo "Setting up the test tools (a minute or so, once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

# The SAM CLI, away from everything else. --no-deps: the file is complete, and pip does not match
# hashes of a package that others ask for with extras.
.cache/sam/ready: requirements/sam.txt | .venv/bin/python
	@echo "Setting up the SAM CLI (a minute or so, once)"
	@$(PYTHON) -m venv --clear .cache/sam
	@.cache/sam/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/sam.txt
	@touch $@

# What AWS's base image brings: the runtime's client.
.cache/runtime/ready: requirements/runtime.txt | .venv/bin/python
	@rm -rf .cache/runtime
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target .cache/runtime -r requirements/runtime.txt
	@touch $@

# What we compare with, each in an environment of its own. torch has no hash here: which of its
# builds is installed depends on the machine.
.cache/peers/fastembed/ready: requirements/fastembed.txt | .venv/bin/python
	@echo "Setting up fastembed, for the benchmark (a minute or so, once)"
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

.cache/peers/transformers/ready: | .venv/bin/python
	@echo "Setting up transformers and torch, for the benchmark (some minutes, once)"
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 transformers==5.23.0 pillow==13.0.0
	@touch $@

.cache/peers/infinity/ready: | .venv/bin/python
	@echo "Setting up infinity and torch, for the benchmark (some minutes, once)"
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 infinity-emb==0.0.78 \
		sentence-transformers==3.4.1 transformers==4.47.1 pillow==13.0.0 aiohttp==3.14.5
	@touch $@

# An emulator of AWS, for stores and for deploying into.
.cache/emulator/ready: requirements/emulator.txt | .venv/bin/python
	@echo "Setting up the emulator (a minute or so, once)"
	@$(PYTHON) -m venv --clear .cache/emulator
	@.cache/emulator/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/emulator.txt
	@touch $@

# Tools of the supply chain: pip-audit and CycloneDX.
.cache/audit/ready: requirements/audit.txt | .venv/bin/python
	@echo "Setting up the tools of the audit (a minute or so, once)"
	@$(PYTHON) -m venv --clear .cache/audit
	@.cache/audit/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/audit.txt
	@touch $@

# What the image installs, for this machine only to be looked at. The lock is for Python 3.13.
.cache/shipped/ready: functions/embeddings/requirements.txt | .venv/bin/python
	@$(PYTHON) -m venv --clear --without-pip .cache/shipped
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
		--implementation cp --python-version 3.13 --ignore-requires-python --platform manylinux_2_34_x86_64 \
		--platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
		--target "$$(.cache/shipped/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" -r $<
	@touch $@

.cache/sbom.json: .cache/audit/ready .cache/shipped/ready
	@env -u PYTHONPATH .cache/audit/bin/cyclonedx-py environment .cache/shipped/bin/python --pyproject pyproject.toml \
		--output-reproducible --output-file $@
	@echo "$@: $$(grep -c '"purl"' $@) packages"

# CLIP's own preprocessing and tokens, with PyTorch behind them: for comparing, never for serving.
.cache/parity/ready: requirements/parity.txt | .venv/bin/python
	@echo "Setting up the references of the parity check (some minutes, once)"
	@$(PYTHON) -m venv --clear .cache/parity
	@.cache/parity/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/parity.txt
	@touch $@
