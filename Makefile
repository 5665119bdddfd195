# SPDX-License-Identifier: Apache-2.0
.DEFAULT_GOAL := help
.PHONY: help build test up bench fuzz asan tsan sim lint format packages build-packages clean

JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 600
LINT_BUDGET ?= inf
UP ?=
SIM ?= --seed 1

# Every test that runs code of ours, itself sanitized; sanitized processes print where they went
# wrong, and a finding is a failure.
define sanitized
	cmake --preset $(1)
	cmake --build --preset $(1) -j $(JOBS)
	UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=second_deadlock_stack=1 \
	  ctest --preset $(1) -j $(JOBS) -E '^(house|link)/'
endef

help: ## this list
	@echo "Mesolith: a Mesos-compatible cluster in one binary. On a bare Debian 12:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

build: build-packages ## the binary: build/release/mesolith
	@cmake --preset release >build/release.configure.log 2>&1 || { cat build/release.configure.log; exit 1; }
	cmake --build --preset release -j $(JOBS) --target mesolith

test: packages ## build everything and run every test
	@mkdir -p build
	cmake --preset release
	cmake --build --preset release -j $(JOBS) --target all header_checks
	ctest --preset release -j $(JOBS)

up: build ## a cluster on this machine; Ctrl-C ends it (UP="--agents 3")
	@exec build/release/mesolith up $(UP)

bench: build ## every benchmark with its denominator
	cmake --build --preset release -j $(JOBS) --target bench

fuzz: build-packages ## each decoder for FUZZ_SECONDS (600)
	cmake --preset fuzz
	cmake --build --preset fuzz -j $(JOBS)
	tools/run_fuzzers.sh build/fuzz/fuzz $(FUZZ_SECONDS)

asan: packages ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(call sanitized,asan)

tsan: packages ## the tests under ThreadSanitizer
	$(call sanitized,tsan)

sim: build ## a cluster simulated under one seed (SIM="--seed 7")
	build/release/mesolith sim $(SIM)

lint: build-packages ## clang-tidy (LINT_BUDGET=seconds for a part)
	cmake --preset release
	cmake --build --preset release -j $(JOBS) --target mesolith_proto
	tools/lint.py build/release --budget $(LINT_BUDGET)

format: ## write every C++ file as clang-format wants it
	git ls-files -z 'src/*.cpp' 'src/*.hpp' 'tests/*.cpp' 'bench/*.cpp' | xargs -0 -r clang-format-19 -i

packages:
	@tools/install_packages.sh

build-packages:
	@mkdir -p build
	@tools/install_packages.sh build

clean: ## forget everything that was built
	rm -rf build
