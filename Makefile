# make demo   train XOR and MNIST in the three frameworks, figures and tables under out/
# make cnn    train the convolutional network on MNIST in the three frameworks
# make test   lint, types and the whole test suite; ends with the parity table
# make test-backends   what has Keras in it once more, with Keras on JAX and on PyTorch
# make bench  time the panels side by side, as ratios
# make seeds  train XOR with 100 seeds in each framework
# make matrix measure the map of disagreements under the lowest and the newest versions
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# MNIST files beside the checkout are used if they are there.
export TRIPTYCH_DATA ?= $(abspath $(dir $(wildcard ../shared/data/mnist)))
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo cnn test test-backends lint new bench seeds matrix figures lock clean

demo: $(VENV)/installed
	$(BIN)/triptych xor
	$(BIN)/triptych mnist --dtype float64 --epochs 1 --out out/float64
	$(BIN)/triptych mnist

cnn: $(VENV)/installed
	$(BIN)/triptych mnist --model cnn --out out/cnn

test: $(VENV)/installed lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Tests marked "once" have no Keras in them. JAX compiles every shape for itself, and twice for two
# processes, unless it keeps what it has compiled.
test-backends: export JAX_COMPILATION_CACHE_DIR = $(CURDIR)/out/jax-cache
test-backends: export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS = 0
test-backends: export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES = -1
test-backends: $(VENV)/installed
	KERAS_BACKEND=jax $(BIN)/python -m pytest -n 2 --dist worksteal -m "not once"
	KERAS_BACKEND=torch $(BIN)/python -m pytest -n 2 --dist worksteal -m "not once"

# make new TECHNIQUE=name   the files of a new technique, to be filled: see CONTRIBUTING.md
new: $(VENV)/installed
	$(BIN)/python -m docs.new $(TECHNIQUE)

seeds: $(VENV)/installed
	$(BIN)/python -m benchmarks.xor_seeds

matrix: $(VENV)/installed
	$(BIN)/python -m benchmarks.matrix

# What README.md and docs/ show, from what make demo, cnn, test and bench left in out/.
figures: $(VENV)/installed
	$(BIN)/python -m docs.refresh

bench: $(VENV)/installed
	$(BIN)/python -m benchmarks

$(VENV)/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else f"Triptych needs Python 3.11 to 3.13, this is {v[0]}.{v[1]}: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

# Exact pins for the whole development environment, from the ranges in pyproject.toml.
lock: $(VENV)/installed
	$(BIN)/pip-compile --quiet --upgrade --extra dev --strip-extras --no-header --no-annotate --allow-unsafe \
		--upgrade-package torch==2.13.0 --output-file requirements.lock pyproject.toml
	sed -i.orig -e '/^triptych /d' -e '/^[#-]/d' -e '/^$$/d' -e 's/+cpu$$//' requirements.lock
	rm requirements.lock.orig

clean:
	rm -rf $(VENV) out *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
