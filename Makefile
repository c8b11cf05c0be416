# The commands of a contributor. Everything is installed in .venv and built in place.

BIN := .venv/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check --no-input install
BUILD_EXT := $(BIN)/python setup.py --quiet build_ext --inplace
SOURCES := setup.py $(wildcard ext/*.pyx ext/*.pxd ext/include/*.h)

.PHONY: help build run test tune-check lint bench bench-engine bench-ring bench-pipeline bench-compare \
    coverage asan fuzz docs picture soak clean
.DELETE_ON_ERROR:

help:  ## list the commands
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' Makefile | expand -t 14

# Compiling needs nothing of what the download brings, so the two go side by side.
build:  ## install what running needs and compile ext/
	@$(MAKE) --silent $(if $(findstring jobserver,$(MAKEFLAGS)),,--jobs=2) \
	    .venv/.runtime build/.built

run: build  ## start the system; ARGS="..." goes to hft.launch
	@exec $(BIN)/python -m hft.launch $(ARGS)

test: build .venv/.dev  ## run the tests
	@$(BIN)/python -m pytest $(ARGS)

soak: build .venv/.dev  ## run the tests that take minutes
	@$(BIN)/python -m pytest -m soak $(ARGS)

tune-check: build  ## what of this host could be set better, and why; ARGS="--cores 2-5"
	@tools/tune_host.sh --check $(ARGS) || [ $$? -eq 1 ]

lint: build .venv/.dev  ## check style, types and that the generated files are fresh
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint ext bench
	@$(BIN)/shellcheck .ci/run tools/*.sh tools/tune_host/*.sh
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/python -m tools.message_docs --check
	@$(BIN)/python -m tools.config_docs --check
	@$(BIN)/python -m tools.tuning_docs --check

docs: build .venv/.dev  ## generate the pages of messages, keys and tuning, the C header, tests/layout.snapshot, README's figures
	@$(BIN)/python -m tools.message_docs
	@$(BIN)/python -m tools.config_docs
	@$(BIN)/python -m tools.tuning_docs
	@$(BIN)/python -m tools.figures --readme
	@test -e docs/live-view.svg || $(BIN)/python -m tools.view_picture

picture: build  ## draw docs/live-view.svg again, from a run of half a minute
	@$(BIN)/python -m tools.view_picture

bench: build .venv/.dev  ## run bench/bench_*.py, results go to build/bench/; ARGS="--orders N", "--comprehensive"
	@$(BIN)/python bench/everything.py $(ARGS)
	@$(BIN)/python -m tools.figures

bench-engine: build .venv/.dev  ## run the engine beside a floor in C; ARGS="--rounds 9"
	@$(BIN)/python bench/engine.py $(ARGS)
	@$(BIN)/python -m tools.figures build/bench

bench-ring: build .venv/.dev  ## run the ring between two cores, beside others; ARGS="--rounds 9"
	@$(BIN)/python bench/ring.py $(ARGS)
	@$(BIN)/python -m tools.figures build/bench

bench-pipeline: build .venv/.dev  ## run the whole system under load; ARGS="--fast", "--orders N", "--comprehensive"
	@$(BIN)/python bench/pipeline.py $(ARGS)

bench-compare: build .venv/.dev  ## say what got slower since BASE=file, or a copy of build/bench
	@$(BIN)/python -m tools.bench_compare $(BASE) $(ARGS)

# The traced build has directories of its own, so that going back only copies. Any build/.built
# that is missing makes the next command go back, also after an interrupt.
coverage: build .venv/.dev  ## measure which lines of hft/ and ext/ the tests run
	@rm -f build/.built hft/core/*.so
	@HFT_BUILD=trace $(BUILD_EXT) --build-lib build/trace --build-temp build/trace
	@status=0; $(BIN)/coverage run -m pytest --quiet || status=$$?; \
	$(BIN)/coverage combine --quiet; \
	$(BIN)/coverage html --quiet --directory build/coverage; \
	$(BIN)/coverage report; \
	$(MAKE) --silent build; \
	exit $$status

asan: build .venv/.dev  ## run the engine's tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(BIN)/python -m tools.sanitized asan $(ARGS)

fuzz: build .venv/.dev  ## search for commands that break the engine, with clang; RUNS=10000000
	@$(BIN)/python -m tools.sanitized fuzz $(if $(RUNS),--runs $(RUNS)) $(ARGS)

clean:  ## remove what was built, but not .venv
	@rm -rf build dist hft.egg-info ext/*.c ext/*.html hft/core/*.so
	@find hft/core -type l -name '*.pxd' -delete
	@rm -rf hft/core/include

.venv/bin/python:
	@tools/make_venv.sh

.venv/.build: pyproject.toml .venv/bin/python
	@$(BIN)/python -m tools.requirements build | $(PIP) -r /dev/stdin
	@touch $@

.venv/.runtime: .venv/.build
	@echo "installing packages"
	@$(BIN)/python -m tools.requirements runtime | $(PIP) -r /dev/stdin
	@touch $@

.venv/.dev: .venv/.runtime
	@echo "installing tools"
	@$(BIN)/python -m tools.requirements dev | $(PIP) -r /dev/stdin
	@touch $@

# A traced build may have left newer files; without them build_ext always brings the right ones.
build/.built: $(SOURCES) .venv/.build
	@echo "compiling ext/"
	@rm -f hft/core/*.so
	@$(BUILD_EXT)
	@touch $@
