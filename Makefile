# SPDX-License-Identifier: GPL-2.0
#
#   make                 the module for the running kernel, and the tools
#   make KVER=RELEASE    for another kernel whose headers are installed
#   make KVER=6.12       for one of "selftests/vm/kernels list": fetched
#   make install         module and tools (PREFIX, DESTDIR)
#   make check           static checks
#   make test            all tests, in guests (KERNELS="6.1 6.12")
#   make test-debug      all tests, or SCRIPTS="stress churn", in a kernel that
#                        checks memory, locks and RCU: built once, 15 minutes
#   make test-runtimes   the CNI plugin in containerd and podman, in a guest
#   make soak            10 minutes of everything that comes and goes
#   make fuzz            what the CNI plugin reads (FUZZ_SECONDS=60)
#   make fuzz-kernel     a million packets and a million messages of netlink, in
#                        the kernel that checks (SEED=N; FUZZ_PACKETS,
#                        FUZZ_MESSAGES)
#   make demo            two nodes and their pods, in a guest
#   make bench-quick     the short benchmark, in guests (KERNEL=6.12)
#   make bench-gate      a part of it, against what is documented: 3 minutes
#   make bench           every datapath, and all that is measured of them, in
#                        guests: hours, and goes on where it was interrupted
#   make bench-scale     one processor and two, by the wall clock, in a guest
#   make bench-cni       how long pods wait that start together, in a guest
#   make report          a page of the benchmark's results (RESULTS="out/*.json",
#                        default: those of the documentation)
#   make test-report     that page, in a browser
#   make test-bench      the benchmarks' own: real machines, interruptions
#
# Products: out/modules/RELEASE/shunt.ko, out/bin/ and out/report.html.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.SUFFIXES:

KVER ?= $(shell uname -r)
KERNELS ?= 6.1 6.12
KERNEL ?= 6.12
SCRIPTS ?=
RESULTS ?=
PREFIX ?= /usr/local
DESTDIR ?=
INSTALL ?= install
OUT := $(CURDIR)/out

# "RELEASE DIRECTORY [TOOLCHAIN]" of the headers, looked for once and only if
# needed.
kdir = $(eval kdir := $(shell KDIR='$(KDIR)' scripts/kdir '$(KVER)'))$(or \
	$(kdir),$(error no headers for kernel $(KVER)))
release = $(word 1,$(kdir))
headers = $(word 2,$(kdir))
toolchain = $(word 3,$(kdir))
build = $(OUT)/build/$(release)
ko = $(OUT)/modules/$(release)/shunt.ko

# BTF needs both, and toolchains have no pahole: without them, do without it
# instead of failing.
pahole = $(if $(toolchain),,$(shell command -v pahole))
btf = $(if $(and $(wildcard $(headers)/vmlinux),$(pahole)),,\
	CONFIG_DEBUG_INFO_BTF_MODULES=)
# The kernel's build system, with the programs that it needs. In another root it
# has to be told once more what stood on the command line.
silent = $(if $(findstring s,$(firstword -$(MAKEFLAGS))),-s)
kbuild = $(if $(toolchain),selftests/vm/enter $(toolchain) $(OUT) \
	make $(silent) -j$(shell nproc) $(MAKEOVERRIDES),$(MAKE))

.PHONY: all
all: modules tools

# The kernel's build system leaves its objects beside the sources. So that
# kernels do not meet there, each gets a directory of links to the sources.
.PHONY: modules
modules:
	@mkdir -p $(build) $(dir $(ko))
	@cd $(build) && find . -xtype l -delete
	@find ./Kbuild ./VERSION ./kmod ./include ./selftests/nic -type f | \
	while read -r f; do \
		[ -e "$(build)/$$f" ] || { mkdir -p "$(build)/$${f%/*}" && \
			ln -sfr "$$f" "$(build)/$$f"; } || exit; \
	done
	+$(kbuild) -C $(headers) M=$(build) $(btf) modules
	@for file in $(build)/*.ko $(build)/selftests/nic/*.ko; do \
		[ ! -e $$file ] || cmp -s $$file $(dir $(ko))$${file##*/} || \
			cp $$file $(dir $(ko)); \
	done

.PHONY: tools
tools:
	@mkdir -p $(OUT)/bin
	$(MAKE) -C userspace OUT=$(OUT)

.PHONY: install install-modules install-tools
install: install-modules install-tools

# Debug information stays behind: it is 20 times the module.
install-modules: modules
	$(INSTALL) -D -m 644 $(ko) \
		$(DESTDIR)/lib/modules/$(release)/updates/shunt.ko
	strip -g $(DESTDIR)/lib/modules/$(release)/updates/shunt.ko
	$(if $(DESTDIR),,depmod $(release))

install-tools: tools
	$(MAKE) -C userspace OUT=$(OUT) PREFIX='$(PREFIX)' \
		DESTDIR='$(DESTDIR)' install

.PHONY: uninstall
uninstall:
	rm -f $(DESTDIR)/lib/modules/$(release)/updates/shunt.ko
	$(if $(DESTDIR),,depmod $(release))
	$(MAKE) -C userspace OUT=$(OUT) PREFIX='$(PREFIX)' \
		DESTDIR='$(DESTDIR)' uninstall

.PHONY: clean
clean:
	rm -rf $(OUT)

.PHONY: check test test-debug test-runtimes test-report test-bench soak demo
.PHONY: fuzz fuzz-kernel
.PHONY: bench bench-quick bench-gate bench-scale bench-cni report
check:
	scripts/check

test:
	scripts/deps build vm test
	selftests/run $(KERNELS)

test-debug:
	scripts/deps build vm test debug
	selftests/run $(addprefix -t ,$(SCRIPTS)) 6.12-debug

test-runtimes:
	scripts/deps build vm test runtimes
	selftests/run $(addprefix -t runtimes/,cnitool containerd podman) \
		$(KERNEL)

fuzz-kernel: FUZZ_PACKETS ?= 1000000
fuzz-kernel: FUZZ_MESSAGES ?= 1000000
fuzz-kernel:
	scripts/deps build vm test debug
	$(MAKE) -s tools modules KVER=6.12-debug SHUNT_SELFTESTS=m
	$(MAKE) -s -C selftests/fuzz OUT=$(OUT)
	selftests/vm/run --kernel 6.12-debug --mem 1536 --timeout 10800 \
		--env FUZZ_PACKETS=$(FUZZ_PACKETS) \
		--env FUZZ_MESSAGES=$(FUZZ_MESSAGES) $(SEED:%=--env SEED=%) \
		-- selftests/fuzz.sh

soak:
	scripts/deps build vm test
	for kernel in $(KERNELS); do \
		$(MAKE) -s tools modules KVER=$$kernel && \
		selftests/vm/run --kernel $$kernel --mem 1536 --timeout 1800 \
			--env STRESS_SECONDS=600 -- selftests/stress.sh || exit; \
	done

fuzz:
	scripts/deps build fuzz
	$(MAKE) -C userspace OUT=$(OUT) fuzz

demo:
	selftests/demo

bench-quick:
	scripts/deps build vm test
	selftests/bench/run --quick --kernel $(KERNEL)

bench-gate:
	scripts/deps build vm test
	selftests/bench/run --gate --kernel $(KERNEL)

bench:
	scripts/deps build vm test bench
	selftests/bench/full --kernel $(KERNEL)

bench-scale:
	scripts/deps build vm test
	selftests/bench/scale --kernel $(KERNEL)

bench-cni:
	scripts/deps build vm test
	selftests/bench/cni --kernel $(KERNEL)

report:
	scripts/deps report
	@mkdir -p $(OUT)
	selftests/bench/report html $(RESULTS) >$(OUT)/report.html

test-report:
	scripts/deps report
	selftests/bench/page/test

test-bench:
	scripts/deps build vm test
	$(MAKE) -s -C selftests/bench OUT=$(OUT) $(OUT)/bench/latency
	selftests/run -t bench/machines -t bench/resume $(KERNEL)
