# Two commands do all the set-up: `make figures` and `make test`.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

# What `make figures` runs on; override any of them.
MODEL ?= data/pocket
DATA ?= scenes
LIMIT ?=
# Doses drawn for each image, for the figure dose_response; DESIGN=none leaves them out.
DESIGN ?= randomised
FLAGS ?=
# What `make simulate` draws per truth and per interval.
STUDIES ?= 200
SAMPLES ?= 1000
colon := :
space := $(subst ,, )
plain = $(subst $(space),-,$(subst $(colon),-,$(1)))
NAME ?= $(notdir $(call plain,$(MODEL)))-$(subst /,-,$(call plain,$(DATA)))$(if $(LIMIT),-$(LIMIT))
RUN ?= data/runs/$(NAME)
OUT ?= figures/$(NAME)
# What `make campaign` does.
COUNT ?= 1000
SEED ?= 0

# What is given is text: make expands nothing in it, and `sh` makes it one word of the shell.
# FLAGS alone is several words, and PYTHON a command.
$(foreach v,MODEL DATA LIMIT DESIGN NAME RUN OUT COUNT SEED STUDIES SAMPLES,$(if $(filter command environment,\
	$(firstword $(origin $(v)))),$(eval override $(v) := $$(value $(v)))))
sh = '$(subst ','\'',$(1))'

# Nothing here talks to a model hub unless MODEL or DATA names one.
export HF_HUB_DISABLE_TELEMETRY := 1
export TOKENIZERS_PARALLELISM := false

.DEFAULT_GOAL := help
.PHONY: help figures gallery findings test campaign check format notebooks pocket bench bench-extract \
	bench-pruners bench-chair bench-findings bench-gpu simulate docs clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; install it or pass PYTHON=…" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/extract.stamp: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[extract]'
	@touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(VENV)/extract.stamp $@

figures: $(VENV)/extract.stamp ## Extract a run and draw every figure and table (MODEL=, DATA=, LIMIT=)
	$(BIN)/agile extract --model $(call sh,$(MODEL)) --data $(call sh,$(DATA)) $(if $(LIMIT),--limit $(call sh,$(LIMIT))) --study --design $(call sh,$(DESIGN)) --out $(call sh,$(RUN)) $(FLAGS)
	$(BIN)/agile analyse --run $(call sh,$(RUN)) $(if $(LIMIT),--limit $(call sh,$(LIMIT)))
	$(BIN)/agile figures all --run $(call sh,$(RUN)) --out $(call sh,$(OUT))

gallery: figures ## Write figures/README.md and its small pictures from the run of `make figures`
	$(BIN)/agile figures gallery --run $(call sh,$(RUN)) --out "$$(dirname $(call sh,$(OUT)))"

findings: $(VENV)/extract.stamp ## Write docs/findings.md, and findings.html beside the figures, from the run of `make figures`
	$(BIN)/agile findings --run $(call sh,$(RUN)) --out docs/findings.md --html $(call sh,$(OUT))/findings.html

test: $(VENV)/dev.stamp ## Run the test suite
	$(BIN)/python -m pytest

campaign: $(VENV)/dev.stamp ## Kill and damage a run in every way (COUNT=, SEED=); writes data/bench/faults.csv
	$(BIN)/python -m tests.faults.campaign --count $(call sh,$(COUNT)) --seed $(call sh,$(SEED)) --out data/bench/faults.csv

check: $(VENV)/dev.stamp ## Lint, check formatting, types and security
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive --severity-level medium analysis chair_eval

format: $(VENV)/dev.stamp ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

notebooks: $(VENV)/dev.stamp ## Execute notebooks/*.py into the .ipynb beside them, on the run of `make figures`
	AGILE_RUN=$(call sh,$(if $(filter /%,$(RUN)),,$(CURDIR)/)$(RUN)) $(BIN)/python notebooks/execute.py

pocket: $(VENV)/extract.stamp ## Retrain Pocket LLaVA from its seed (about an hour on 2 cores)
	$(BIN)/python -m analysis.pocket.train --seed 0 --out data/pocket --work data/runs/pocket-work

bench: bench-extract bench-pruners bench-chair bench-findings ## Every benchmark that needs no GPU

bench-extract: $(VENV)/extract.stamp ## One batched pass against one variant at a time
	$(BIN)/agile bench extract

bench-pruners: $(VENV)/extract.stamp ## Selections and measures against the usual formulations
	$(BIN)/agile bench pruners

bench-chair: $(VENV)/dev.stamp ## CHAIR against the published script's formulation
	$(BIN)/python -m chair_eval.bench

bench-findings: $(VENV)/extract.stamp ## Processor time and memory of the statistics of 40,000 images
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/agile bench findings

bench-gpu: $(VENV)/extract.stamp ## Latency, memory and throughput at full size (needs a GPU)
	$(BIN)/agile bench overhead --device cuda
	$(BIN)/agile bench extract --model llava-1.5-7b --device cuda
	failed=0; for preset in llava-1.5-7b llava-1.5-13b llava-next-7b; do \
		$(BIN)/agile bench model --preset $$preset --device cuda || failed=1; done; exit $$failed

simulate: $(VENV)/extract.stamp ## Verdicts and intervals over planted truths, into docs/inference.md (STUDIES=, SAMPLES=)
	nice -n 10 $(BIN)/agile simulate --studies $(call sh,$(STUDIES)) --samples $(call sh,$(SAMPLES)) --page docs/inference.md

clean: ## Remove runs and figures, not the environment
	rm -rf data/runs
	find figures -mindepth 1 -maxdepth 1 -type d ! -name gallery -exec rm -rf {} +
