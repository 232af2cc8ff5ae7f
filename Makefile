# The commands of this project. `make run` and `make test` work on a machine with Python 3.11+, git and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# OpenMP threads that spin at a barrier become very slow when another process takes a core (see DECISIONS.md).
export OMP_WAIT_POLICY ?= PASSIVE

# What `make bench` measures.
BENCHED_CHECKPOINT = $(or $(CHECKPOINT),$(if $(CATALOGUE),checkpoints/minilm-dinov2,artefacts/demo/checkpoint))
SIZES ?= 44k,1m
BENCHED = --checkpoint "$(BENCHED_CHECKPOINT)" --catalogue "$(or $(CATALOGUE),artefacts/demo/catalogue)"

# Versions of torch from another index, such as PyTorch's own with builds for the CPU only: make TORCH_INDEX=...
LOCKED_TORCH = $(shell sed -nE 's/^(torch|torchvision)==([^ ]+).*/\1==\2/p' requirements/torch.txt)


.PHONY: run test check fix docs readme site paper lock audit bench bench-peers clean

## Serve on 127.0.0.1:8000. DATA=path indexes that data set first, with CHECKPOINT=path, else with the checkpoint that
## was trained here, else with the one in checkpoints/.
run: $(VENV)/installed
ifdef DATA
	$(BIN)/vitrine index --data "$(DATA)" $(if $(CHECKPOINT),--checkpoint "$(CHECKPOINT)")
	$(BIN)/vitrine serve $(if $(CHECKPOINT),--checkpoint "$(CHECKPOINT)")
else
	$(BIN)/vitrine serve --or-demo
endif

## Run every test, offline.
test: $(VENV)/installed
	tests/tools/in_memory.sh $(BIN)/pytest -n 2 --dist worksteal

## Lint, formatting, strict types; tests/whole/test_imports.py checks the import arrows.
check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/whole/test_imports.py

## Repair lint and formatting.
fix: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

## Make the tables in docs/ from the committed JSON, the settings table and the map of the house.
docs: $(VENV)/installed
	$(BIN)/python -m tests.benchmarks.results docs/results.md docs/search.md docs/pages.md docs/paper.md docs/paper.fr.md README.md
	$(BIN)/python -m tests.benchmarks.contention docs/contention.json --out docs/contention.md
	$(BIN)/python -m tests.load.page docs/reliability.md
	$(BIN)/python -m tests.benchmarks.performance docs/performance.md
	$(BIN)/python -m tests.benchmarks.scaling docs/scaling.md
	$(BIN)/vitrine settings --write docs/settings.md
	$(BIN)/python -m tests.tools.limits docs/security.md
	$(BIN)/python -m tests.tools.house

## Run the commands in README and docs/ against the demo (`vitrine demo --no-serve` makes it), and update the answers.
readme: $(VENV)/installed
	$(BIN)/python -m tests.tools.readme README.md docs/asking.md docs/own-photos.md docs/operations.md docs/training.md docs/feeds.md docs/live.md

## The source paper's table beside ours: train its three families on DATA=path, small on a CPU or PAPER=full on a GPU.
paper: $(VENV)/installed
	@test -n "$(DATA)" || { echo "error: no data set is given; type make paper DATA=path" >&2; exit 2; }
ifeq ($(PAPER),full)
	@echo "three families at 224 px from the weights of the hub: 10 GiB of a GPU's memory, 5 epochs of 44,000 pairs each"
	$(BIN)/vitrine compare training/configs/paper-bert-resnet.toml training/configs/paper-bert-vit.toml \
	  training/configs/paper-gpt2-vit.toml --data "$(DATA)" --out artefacts/paper.json --out artefacts/paper.md
else
	@echo "three families at 64 px from random weights: about 40 minutes on two cores for 40,000 pairs, 2 GB of memory"
	$(BIN)/vitrine compare $(wildcard training/configs/paper-small-*.toml) \
	  --data "$(DATA)" --out artefacts/paper.json --out artefacts/paper.md
endif

## Measure service, search (SIZES=44k,1m,10m) and database on CATALOGUE=path [CHECKPOINT=path], by default on the demo;
## with DATA=path also the encoders and `vitrine index`. Takes about an hour; the machine must be otherwise idle.
bench: $(VENV)/installed
	$(if $(CATALOGUE),,$(BIN)/vitrine demo --no-serve)
	$(BIN)/vitrine export $(BENCHED_CHECKPOINT)
	$(BIN)/python -m tests.benchmarks.service $(BENCHED) --out docs/performance/service.json
	$(BIN)/python -m tests.benchmarks.search $(BENCHED) --sizes $(SIZES) --out docs/performance/search.json --prepare
	$(BIN)/python -m tests.benchmarks.search $(BENCHED) --sizes $(SIZES) --out docs/performance/search.json
	$(BIN)/python -m tests.benchmarks.postgres --catalogue "$(or $(CATALOGUE),artefacts/demo/catalogue)" \
	  --out docs/performance/postgres.json
	$(BIN)/python -m tests.benchmarks.map --catalogue "$(or $(CATALOGUE),artefacts/demo/catalogue)" \
	  --out docs/performance/map.json
ifdef DATA
	$(BIN)/python -m tests.benchmarks.encoders "$(BENCHED_CHECKPOINT)" --data "$(DATA)" \
	  --out docs/performance/encoders.json
	$(BIN)/python -m tests.benchmarks.indexing --checkpoint "$(BENCHED_CHECKPOINT)" --data "$(DATA)" \
	  --out docs/performance/indexing.json
	$(BIN)/python -m tests.benchmarks.photos --checkpoint "$(BENCHED_CHECKPOINT)" --data "$(DATA)" \
	  --out docs/performance/photos.json
endif
	$(MAKE) docs

## The same for other projects, in separate environments; MINILM=path and DINOV2=path are folders with the weights.
bench-peers: bench
	$(BIN)/python -m tests.benchmarks.peers.install
	$(BIN)/python -m tests.benchmarks.peers.side_by_side $(BENCHED) --minilm "$(MINILM)" --dinov2 "$(DINOV2)" \
	  --out docs/performance/peers.json
	$(MAKE) docs

## Make the locks in requirements/ after a change of pyproject.toml; UPGRADE=1 takes the newest versions.
lock: build/tools/installed
	PATH="$(CURDIR)/build/tools/bin:$$PATH" $(PYTHON) -m tests.tools.lock $(if $(UPGRADE),--upgrade)

## List the packages of the image that serves in build/sbom.json (CycloneDX), and look for known weaknesses in all.
audit: $(VENV)/installed build/tools/installed
	$(BIN)/python -m tests.tools.sbom build/tools/bin/cyclonedx-py requirements/serve.txt build/sbom.json
	$(BIN)/python -m tests.tools.audit build/tools/bin/pip-audit requirements/dev.txt requirements/torch.txt

## Build the pages and the API reference as a static site in build/site; a warning is an error.
site: $(VENV)/installed
	$(BIN)/python -m tests.tools.site build/site

$(VENV)/installed: pyproject.toml requirements/dev.txt requirements/torch.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $$($(PYTHON) --version) is too old; Vitrine needs Python 3.11 or newer: make PYTHON=python3.11 ..."; exit 2; }
	@echo "creating $(VENV) and installing the Python packages: some 6 GB, a few minutes, once"
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(BIN)/pip install --quiet --index-url "$(TORCH_INDEX)" $(LOCKED_TORCH))
	$(BIN)/pip install --quiet --require-hashes --no-deps -r requirements/dev.txt \
	  $(if $(TORCH_INDEX),,-r requirements/torch.txt)
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# What lists and checks the packages, apart from them.
build/tools/installed: requirements/tools.txt
	$(PYTHON) -m venv build/tools
	build/tools/bin/pip install --quiet --require-hashes --no-deps -r requirements/tools.txt
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
