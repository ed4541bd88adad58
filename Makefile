# What a newcomer types. The work is done by Go programs: cmd/molt and go test.
EXAMPLE ?= debian
BUILD   ?= build
GO      ?= go
# What needs root runs through sudo, with the caller's Go and modules, and a
# build cache apart, so that no file in the caller's home becomes root's.
SUDO     = $(if $(filter 0,$(shell id -u)),,sudo --preserve-env=SOURCE_DATE_EPOCH,MOLT_REQUIRE_GUESTS,MOLT_GUEST_LOGS env PATH="$(PATH)" \
           GOMODCACHE="$(shell $(GO) env GOMODCACHE)" GOFLAGS="$(GOFLAGS)" GOCACHE="$(abspath $(BUILD))/cache/go")
MOLT    := $(BUILD)/molt
# A plain user's PATH, which su and the line above keep, lacks the system
# programs; and molt builds with the go that PATH has.
export PATH := $(if $(findstring /,$(GO)),$(abspath $(dir $(GO))):)$(PATH):/usr/local/sbin:/usr/sbin:/sbin
# Root by su in a user's clone: git won't tell Go the version, and Go gives up.
export GOFLAGS := $(strip $(GOFLAGS) -buildvcs=false)

.DEFAULT_GOAL := help
.PHONY: help deps iso demo run dryrun test bench fmt vet clean FORCE

help: ## say what there is to make
	@echo "make …"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{printf "%-8s %s\n", $$1, $$2}'
	@echo
	@echo "  EXAMPLE=tiny   another example (default: debian);  MIRROR=URI  the Debian archive to use"
	@echo "  UPDATE=1       fetch the package lists anew"

deps: $(MOLT) ## install what building and testing need of this machine, if anything is missing
	@$(SUDO) $(MOLT) deps

iso: $(MOLT) ## write build/EXAMPLE/disc1.iso, disc2.iso, … and build/EXAMPLE/netboot/
	@$(SUDO) $(MOLT) deps -build
	$(SUDO) $(MOLT) build -o $(BUILD) $(if $(MIRROR),-mirror $(MIRROR)) $(if $(UPDATE),-update) examples/$(EXAMPLE)

demo: deps iso ## install over all discs in QEMU, unattended, boot the result, show the times
	$(SUDO) $(MOLT) demo -o $(BUILD) $(EXAMPLE)

run: deps iso ## boot the discs in QEMU with the serial line in this terminal
	$(SUDO) $(MOLT) run -o $(BUILD) $(EXAMPLE)

test: deps ## run all tests; SHORT=1 leaves the guests out
	@$(MAKE) --no-print-directory iso EXAMPLE=tiny
	@$(if $(SHORT),,$(MAKE) --no-print-directory iso EXAMPLE=debian)
	$(SUDO) $(GO) test $(if $(SHORT),-short) -timeout 80m ./...

dryrun: $(MOLT) ## ask all questions for a recorded machine, without root, and end with the plan: MACHINE=examples/machines/….json
	@$(MOLT) dryrun -machine $(or $(MACHINE),examples/machines/uefi-nvme.json) -example examples/$(EXAMPLE) $(if $(SET),-set $(SET)) \
	  $(if $(KS),-kickstart $(KS)) $(if $(SAVE),-save $(SAVE)) $(if $(PLAIN),-plain) $(if $(UILANG),-lang $(UILANG))

bench: $(if $(filter loopctl kickstart screens,$(ONLY)),$(MOLT),deps iso) ## measure: first screen, memory, image copy, switch, whole installation, kickstart files, screens; ONLY=loopctl: that alone
	$(SUDO) $(MOLT) bench -o $(BUILD) $(if $(ONLY),-only $(ONLY)) $(EXAMPLE)

fmt: ## format the source
	$(GO) fmt ./...

vet: ## look for mistakes
	$(GO) vet ./...

clean: ## remove the results; what was downloaded stays in build/cache
	$(SUDO) sh -c 'for d in $(BUILD)/*; do case $$d in $(BUILD)/cache) ;; *) rm -rf "$$d" ;; esac; done'

$(MOLT): FORCE
	@command -v $(GO) >/dev/null || { echo "Go 1.26 or newer is needed (apt's of Debian 12 and 13 is older): put it on PATH, or say GO=/path/to/bin/go"; exit 1; }
	@[ -e $@ ] || echo "fetching Go modules and building $@: about a minute, the first time"
	@$(GO) mod download
	@$(GO) build -o $@ ./cmd/molt
