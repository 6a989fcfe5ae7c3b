# neo-emulator: `make demo` and `make test` do all the set-up they need.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
# one more than CPUs, as many tests wait; not more than four: each takes up to 2 GB
TEST_PROCESSES ?= $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')
SOURCES := emulator workers targets tests examples

.PHONY: help demo serve test test-runtime test-libdlr test-frameworks test-onnx-nodes check unit lint bench fuzz clean compose docs pictures test-targets test-gpu chaos

help:            ## this list
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 15

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else "neo-emulator needs Python 3.11 to 3.13; this is %d.%d. Name another one: make PYTHON=python3.12 ..." % v)'
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# one stamp per extra: reinstalled when the dependency lists change
$(VENV)/.installed-%: $(VENV)/.python pyproject.toml constraints.txt
	@echo "installing neo-emulator[$*] into $(VENV) (about a minute)"
	@$(PIP) --editable '.[$*]'
	@touch $@

demo: $(VENV)/.installed-demo  ## compile a real model for five targets and show the result
	@$(BIN)/python -m neo_emulator.cli.demo

serve: $(VENV)/.installed-demo ## run the emulator on http://127.0.0.1:4577
	@$(BIN)/neo-emulator serve

test: $(VENV)/.installed-test  ## every test
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --max-worker-restart 0 --durations 25

check: $(VENV)/.installed-dev lint unit ## lint, types, import rule, unit tests

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

unit: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q --numprocesses auto --maxprocesses 4 --dist loadfile tests/unit

test-runtime: $(VENV)/.installed-test ## every model on every CPU target: natively, under qemu and wine
	PYTHONPATH=tests $(BIN)/python -m runtime.report 2>/dev/null

test-libdlr: $(VENV)/.installed-test ## rebuild libdlr for all machines and compare it with the libraries in the tree
	TEST_LIBDLR=1 $(BIN)/python -m pytest -q --numprocesses 2 tests/unit/neo_targets/test_runtime.py

test-frameworks: $(VENV)/.installed-test ## models of every framework, real ones among them, against their framework
	@PYTHONPATH=tests $(BIN)/python -m support.framework_models $(FRAMEWORKS) 2>/dev/null

test-onnx-nodes: $(VENV)/.installed-test ## every node test of the onnx package, every form of each operator; writes docs/onnx-operators.md
	@PYTHONPATH=tests $(BIN)/python -W ignore -m support.onnx_nodes_report 2>/dev/null

docs: $(VENV)/.installed-docs ## the documentation as HTML in docs/build; warnings are errors
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/build

pictures: $(VENV)/.installed-test ## docs/pictures anew, in Chromium and a terminal
	@PYTHONPATH=tests $(BIN)/python -m support.pictures

compose: $(VENV)/.installed-test ## compose.yaml brought up for real, a worker killed; needs a Docker engine, or dockerd and debootstrap
	NEO_COMPOSE=1 tests/compose/with_engine $(BIN)/python -m pytest -p no:xdist tests/compose

bench: $(VENV)/.installed-test ## timings, side by side
	$(BIN)/python -m tests.bench

CHAOS_TRIALS ?= 1
chaos: $(VENV)/.installed-test ## every fault, CHAOS_TRIALS times each, and what they did: .neo/chaos.md
	@mkdir -p .neo
	NEO_CHAOS=1 NEO_CHAOS_TRIALS=$(CHAOS_TRIALS) NEO_CHAOS_ROUNDS=10 NEO_CHAOS_REPORT=.neo/chaos.md \
		$(BIN)/python -m pytest -p no:xdist --timeout 600 tests/chaos tests/e2e/test_kill_loop.py

FUZZ_SECONDS ?= 60
FUZZ_REQUESTS ?= 100000
FUZZ_ZIPS ?= 100000
fuzz: $(VENV)/.installed-fuzz ## parsers for FUZZ_SECONDS each; FUZZ_ZIPS zip files; FUZZ_REQUESTS requests to moto, and past sigv4
	@for target in archive data_input_config compiler_options; do \
		PYTHONPATH=tests $(BIN)/python -m fuzz $$target $(FUZZ_SECONDS) || exit 1; done
	PYTHONPATH=tests $(BIN)/python -m fuzz.zips $(FUZZ_ZIPS)
	PYTHONPATH=tests $(BIN)/python -m fuzz.services $(FUZZ_REQUESTS)
	PYTHONPATH=tests $(BIN)/python -m fuzz.gate $(FUZZ_REQUESTS)

test-targets: $(VENV)/.installed-test ## a conv net and a transformer for every device and platform, checked
	@PYTHONPATH=tests $(BIN)/python -m runtime.targets_report 2>/dev/null

test-gpu: $(VENV)/.installed-test ## every kind of GPU kernel, run by pocl: with shared memory and without
	@for device in intel_graphics mali; do PYTHONPATH=tests $(BIN)/python -m unit.neo_compiler.lowering.gpu.kernels $$device || exit 1; done

clean:           ## remove what make made
	rm -rf $(VENV) .neo build dist .mypy_cache .ruff_cache .pytest_cache
