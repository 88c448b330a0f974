# The way in. `make demo` and `make test` are all that a machine with Swift 6.2 and Python's pip
# needs; what is missing they name in one sentence.
#
#   make [build]   the release binary             make format   rewrites the Swift files
#   make demo      trains and compares methods    make lint     checks their format
#   make test      all tests                      make layers   checks what imports what
#   make bench     speed of this machine          make clean    removes what was built here
#   make wheel     a Python wheel in dist/        make install  the command, for all users
#   make nccl      what several GPUs need, beside the binary; for an ASSAY_LIBTORCH with CUDA
#
# PREFIX=DIR   where `install` writes (default: /usr/local), below DESTDIR if that is set
# OUT=DIR      where `demo` writes (default: demo)
# ARGS="..."   more arguments for `demo` and `test`, such as ARGS="--filter AssayTextTests"
# JOBS=N       how many compilers run at once (default: one per core)
# ASSAY_CPU (environment): the newest instructions of our kernels: portable, avx2, avx512, amx
# ASSAY_CACHE, ASSAY_LIBTORCH (environment): where LibTorch is kept; see Scripts/bootstrap.py

OUT = demo
PREFIX = /usr/local
DESTDIR =
ARGS =
JOBS =
PYTHON = python3
SHELL = /bin/bash

# One set of flags for `build` and `test`, so that they share what they compile.
FLAGS = -c release --explicit-target-dependency-import-check error $(if $(JOBS),-j $(JOBS))
SWIFT = PKG_CONFIG_PATH="$(CURDIR)/.build/pkgconfig:$$PKG_CONFIG_PATH" swift
BOOTSTRAP = $(PYTHON) Scripts/bootstrap.py
ASSAY = .build/release/assay
STATIC = .build/static/assay

.PHONY: build static demo test bench wheel nccl install format lint layers clean libtorch
.NOTPARALLEL:

build: libtorch
	@$(SWIFT) build $(FLAGS)
	@$(BOOTSTRAP) link .build/release
	@echo "The binary is $(CURDIR)/$(ASSAY)"

# The binary with Swift's libraries in it, which needs no Swift where it runs.
static: build
	@PKG_CONFIG_PATH="$(CURDIR)/.build/pkgconfig:$$PKG_CONFIG_PATH" \
	  $(PYTHON) Scripts/link_static.py .build/release $(STATIC)
	@$(BOOTSTRAP) link .build/static

demo: build
	@$(ASSAY) demo --out $(OUT) $(ARGS)

# The tests need no testable imports, which would compile every target a second time: hence the
# build first and `--skip-build`. The server's have the machine to themselves: they wait for clocks.
# Kernels are then tested on older instructions too. What failed is named once more at the end.
test: libtorch
	@$(SWIFT) build $(FLAGS) --build-tests
	@$(BOOTSTRAP) link .build/release
	@set -o pipefail; \
	run() { $(SWIFT) test $(FLAGS) --skip-build --disable-xctest "$$@"; }; \
	{ $(if $(ARGS),run $(ARGS),run --skip AssayServeTests && run --filter AssayServeTests) && \
	for limit in $(if $(ARGS),,portable avx2); do \
	  echo "Kernels limited to $$limit instructions:" && \
	  ASSAY_CPU=$$limit run --filter "AssayTensorTests|AssayGenerateTests" || exit 1; \
	done; } 2>&1 | tee .build/test.log || { \
	  echo "What failed, of .build/test.log:"; \
	  grep -E -A 3 "recorded an issue|error:|unexpected signal|Fatal error" .build/test.log; \
	  exit 1; \
	}

bench: build
	@$(ASSAY) bench train --shape s --dtype f32
	@$(ASSAY) bench train --shape m --dtype f32
	@$(ASSAY) bench train --shape m --dtype bf16
	@$(ASSAY) bench generate --shape s --prompts 16 --samples 16
	@$(ASSAY) bench score --shape q --batch 16
	@echo "Benchmarks/README.md says how these compare with other tools." >&2

wheel: static
	@$(PYTHON) Scripts/make_wheel.py $(STATIC) dist

install: static
	@$(PYTHON) Scripts/install.py $(STATIC) "$(PREFIX)" "$(DESTDIR)"

nccl: build
	@$(PYTHON) Scripts/make_nccl.py .build/release

format:
	@git ls-files -z '*.swift' | xargs -0 swift format format --in-place

lint:
	@git ls-files -z '*.swift' | xargs -0 swift format lint --strict

# The compiler judges by Package.swift: an import of a layer that a target does not depend on fails.
# Inside targets a script judges: folders and files in different folders do not use each other.
layers: libtorch
	@$(SWIFT) build $(FLAGS) --build-tests || { echo "layers: see the error above." >&2; exit 1; }
	@$(PYTHON) Scripts/check_folders.py
	@echo "Every target imports only the layers above it, and no new folders use each other."

clean:
	@rm -rf .build

libtorch:
	@$(BOOTSTRAP)
