# Every target installs what it needs first; only Node and make have to be there.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := build
BIN := node_modules/.bin
INSTALLED := node_modules/.package-lock.json
SOURCES := $(shell find src gen test bench proto -type f 2>/dev/null)
BUILT := build/.built

# How often `make scenarios` runs each suite, which one (all if empty), and how many runs side by side.
RUNS ?= 20
SUITE ?=
JOBS ?= 1
# ENGINE=omnipaxos lets the replicas of the suite durability agree by that engine.
# DISK=real gives the servers of paxos and kvpaxos a disk, READS=log lets kvpaxos read by the log.
DISK ?= none
READS ?= barrier
ENGINE ?= paxos

# How many seeds `make sim` simulates, and from which on; of each engine unless ENGINE= is given, in JOBS= processes, by
# default one for each core. `make sim-long` simulates 20,000 unless SEEDS= is given.
SEEDS ?= 1000
FROM ?= 1
SIM_FLAGS = --engine "$(if $(filter file,$(origin ENGINE)),all,$(ENGINE))" $(if $(filter file,$(origin JOBS)),,--jobs "$(JOBS)")

# What `make run` passes on, for instance ARGS='--replicas 5'.
ARGS ?=

.PHONY: build npx-links run test test-linux bench lint format gen scenarios sim sim-long planted clean

build: $(BUILT)

$(INSTALLED): package.json package-lock.json .npmrc
	npm ci
	@touch $@

# Compiled output is removed first, or tests deleted in test/ would go on running from build/.
$(BUILT): $(INSTALLED) $(SOURCES) tsconfig.json
	@rm -rf build/src build/test build/gen build/bench build/.built
	$(BIN)/tsc -p tsconfig.json
	$(BIN)/buf build --as-file-descriptor-set -o build/descriptors.binpb
	@chmod +x build/src/cli/{main,viewd,pbd,pbc}.js 2>/dev/null || true
	@$(MAKE) --no-print-directory npx-links
	@touch $@

# npx links the programs of a checkout into its cache when it runs one for the first time, and never again: if that was before
# they were built, there are none. So they are linked where it looks besides; and it runs one here, since of two that are the
# first at the same time, the second takes the links from under the one that begins. Where it cannot write its cache it says so
# itself, to who runs it.
npx-links:
	@cd $(BIN) && ln -sf ../../build/src/cli/main.js synod
	@cd $(BIN) && for program in viewd pbd pbc; do ln -sf ../../build/src/cli/$$program.js $$program; done
	@npx --offline synod --version >/dev/null 2>&1 || true

# At a terminal it gets a process group of its own (set -m), or Ctrl-C would end make by the signal, whatever the
# cluster's exit code. Elsewhere it takes the shell's place, so that ending make ends it too.
run: build
	@if [ -t 0 ]; then set -m; node build/src/cli/main.js dev $(ARGS); exit $$?; fi; \
	  exec node build/src/cli/main.js dev $(ARGS)

test: build
	$(BIN)/mocha

# What needs Linux and a mount of its own, in user and mount namespaces: a disk that is really full.
test-linux: build
	unshare -rm $(BIN)/mocha --config .mocharc.linux.json

# What is measured, side by side.
bench: build
	node build/bench/group-commit.js
	node build/bench/disk-and-memory.js

# Continues a series that was interrupted: complete runs of the same commit count.
scenarios: build
	node build/test/scenarios/run.js --runs "$(RUNS)" --suite "$(SUITE)" --jobs "$(JOBS)" --disk "$(DISK)" --reads "$(READS)" --engine "$(ENGINE)"

sim: build
	node build/src/cli/main.js sim $(SIM_FLAGS) --seeds "$(SEEDS)" --from "$(FROM)"

# In parts, each recorded once it is done. Continues where it was interrupted, as long as the commit is the same.
sim-long: build
	@mkdir -p build/sim
	node build/src/cli/main.js sim $(SIM_FLAGS) --seeds "$(if $(filter file,$(origin SEEDS)),20000,$(SEEDS))" \
	  --from "$(FROM)" --record build/sim/parts.jsonl

# Simulates Synod with one mistake after the other planted in it, and says which check sees each; for instance
# ARGS='--only own-value-chosen'.
planted: build
	node build/test/planted/run.js $(ARGS)

gen: $(INSTALLED)
	$(BIN)/buf generate

lint: $(INSTALLED)
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code --path proto/synod
	@rm -rf build/gen-fresh && $(BIN)/buf generate -o build/gen-fresh
	@diff -r gen build/gen-fresh/gen || { echo 'gen/ is not what proto/ makes: run make gen and commit it' >&2; exit 1; }
	@tag=$$(git describe --tags --abbrev=0 2>/dev/null || true); \
	  if [ -n "$$tag" ]; then $(BIN)/buf breaking --against ".git#tag=$$tag"; fi
	$(BIN)/tsc -p tsconfig.json --noEmit
	$(BIN)/eslint .
	$(BIN)/prettier --check --log-level warn .

format: $(INSTALLED)
	$(BIN)/buf format --write --path proto/synod
	$(BIN)/prettier --write --log-level warn .

clean:
	rm -rf build
