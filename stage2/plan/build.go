package plan

import (
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload"
)

// Input is everything a plan follows from.
type Input struct {
	Answers   config.Answers
	Machine   machine.Machine
	Selection *payload.Selection // what the payload made of Answers.Software
	Handoff   handoff.Record     // the image's size, the medium, the command line
	Former    *handoff.Medium    // what the installer was started from, when Handoff.Medium is another; nil: it is the same
	IDs       func() string      // a new UUID at each call, lower-case
	Kickstart []byte             // to be kept in the target's log; already without secrets
	NoSave    []string           // inst.nosave=: "input_ks", "output_ks", "all_ks", "logs", "all"
	Extra     []Step             // a third party's steps, run after the boot loader and before %post
}

// Plan is what will be done. It holds no secret that its JSON or text shows.
type Plan struct {
	Product  string          `json:"product"`            // "Debian 13"
	Disks    []Disk          `json:"disks"`              // the only ones that will be written
	Stop     []machine.Stack `json:"stop,omitempty"`     // old stacks that are ended and erased first: what stands on another comes before it
	Layers   []Layer         `json:"layers,omitempty"`   // between partitions and volumes, in the order in which they are made
	Volumes  []Volume        `json:"volumes,omitempty"`  // what is on layers; what is on partitions is with the disks
	Boot     []string        `json:"boot,omitempty"`     // the disks that the machine can start from: each gets a boot loader
	Space    Space           `json:"space"`              // what the file systems must hold
	Discs    []int           `json:"discs"`              // that will be needed, in this order
	Place    string          `json:"place,omitempty"`    // where they all are, when none has to be put into a drive
	Packages int             `json:"packages"`           // how many will be installed
	Image    *payload.Image  `json:"image,omitempty"`    // that is unpacked instead
	Network  []string        `json:"network,omitempty"`  // a line an interface
	Warnings []string        `json:"warnings,omitempty"` // for a person, none of them stops the plan
	Steps    []Step          `json:"-"`                  // in JSON as {id, title, weight}
	OnError  []Step          `json:"-"`                  // %onerror scripts, run when a step has failed for good
	Secrets  []string        `json:"-"`                  // strings that no event and no log may contain

	Traceback []Step `json:"-"` // %traceback scripts, run before those when a step has panicked
}

// Space is what the file systems must hold at the worst moment, in bytes.
type Space struct {
	Fetch     int64 `json:"fetch"`     // packages copied from the discs
	Installed int64 `json:"installed"` // what they become
	Image     int64 `json:"image"`     // the installer's own copy
}

// Total is the sum.
func (s Space) Total() int64 { return s.Fetch + s.Installed + s.Image }

// builder collects problems and the parts of the plan.
type builder struct {
	Input
	problems Problems
	plan     Plan
	net      netConfig // what the new system's network is to be
	lacks    []string  // what of it the new system has no word for
}

// Build makes the plan. When it can't, the error is Problems: all there are.
func Build(in Input) (*Plan, error) {
	b := &builder{Input: in}
	b.plan.Product = in.Handoff.Build.Set.Name()
	b.payload()
	b.storage()
	b.accounts()
	b.names()
	b.network()
	b.bootAnswers()
	b.firewall()
	b.snapshots()
	b.timeSource()
	b.sources()
	b.mirrors()
	b.support()
	if len(b.problems) > 0 {
		return nil, b.problems
	}
	b.plan.Secrets = in.Answers.Secrets()
	b.steps()
	return &b.plan, nil
}

// payload works out what will be needed of space and discs.
func (b *builder) payload() {
	if b.Selection == nil {
		b.problems.Add(NothingChosen, "", "nothing has been chosen to install")
		b.Selection = &payload.Selection{}
	}
	fetch, installed := b.Selection.Size()
	const slack = 64 << 20 // initramfs, lists, logs: what no package accounts for
	b.plan.Space = Space{Fetch: fetch, Installed: installed + installed/10 + slack, Image: b.Handoff.Build.Stage2.Size}
	b.plan.Warnings = append(b.plan.Warnings, b.Selection.Warnings...)
	b.plan.Packages, b.plan.Image = len(b.Selection.Packages), b.Selection.Image
	b.plan.Discs = b.Selection.Discs()
	if b.allAtHand() {
		b.plan.Place = b.Handoff.Medium.URL
	}
	for _, n := range b.plan.Discs {
		if set := b.Handoff.Build.Set; n < 1 || n > set.Discs {
			b.problems.Add(DiscUnknown, "", "packages are on disc %d, but %s has %d discs", n, set.Name(), set.Discs)
		}
		if n != max(1, b.Handoff.Medium.Disc) && !b.allAtHand() && len(b.Machine.Drives) == 0 {
			b.problems.Add(DiscUnknown, "", "packages are on disc %d, and there is no optical drive to put it into; attach one and start again, or choose less software", n)
		}
	}
}

// support refuses answers that would silently not be carried out.
func (b *builder) support() {
	a := b.Answers
	switch a.End.Action {
	case "", "reboot", "poweroff", "halt", "shutdown":
	default:
		b.problems.Add(NotSupported, a.End.Action, "not a way to end; use reboot, poweroff or halt")
	}
	b.image()
	for _, n := range []struct {
		asked   bool
		subject string
		text    string
		harms   bool // leaving it out is no mere inconvenience
	}{
		{a.Rescue != nil, "rescue", "a rescue mounts a system and installs nothing, so that there is no plan; take it out to see the plan of an installation", true},
	} {
		if n.asked && n.harms {
			b.problems.Add(NotSupported, n.subject, "%s", n.text)
		} else if n.asked {
			b.plan.Warnings = append(b.plan.Warnings, n.subject+": "+n.text)
		}
	}
}
