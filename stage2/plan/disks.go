package plan

import (
	"slices"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan/layout"
)

// storage takes the layout of the disks that are named. Only these get into the plan.
func (b *builder) storage() {
	refused, aside := map[string]string{}, []string(nil)
	for _, d := range b.Machine.Disks {
		if why := b.refusal(d); why != "" {
			refused[d.Path] = why
		} else if b.holdsKickstart(d) {
			aside = append(aside, d.Path)
		}
	}
	r := layout.Make(layout.Request{Machine: b.Machine, Storage: b.Answers.Storage, Loader: b.Answers.Boot,
		Refused: refused, Aside: aside, Space: b.plan.Space.Total(), IDs: b.IDs})
	p := &b.plan
	p.Disks, p.Stop, p.Layers, p.Volumes, p.Boot = r.Disks, r.Stop, r.Layers, r.Volumes, r.Boot
	p.Warnings = append(p.Warnings, r.Warnings...)
	b.problems = append(b.problems, r.Problems...)
	if len(r.Problems) == 0 {
		b.checkSpace()
	}
}

// refusal says why d can never be a target; empty when it can.
func (b *builder) refusal(d machine.Disk) string {
	s := b.Answers.Storage
	names := func(spec string) bool { return layout.Matches(d, spec) }
	switch {
	case d.InUse != "":
		return d.InUse
	case b.Former != nil && isOn(d, b.Handoff.Medium.Device):
		return "the packages are taken from it"
	case b.isMedium(d):
		return "the installer was started from it"
	case d.ReadOnly:
		return "it is read-only"
	case d.Removable:
		return "it is removable"
	case hasLabel(d, "OEMDRV"):
		return "it holds the volume OEMDRV"
	case d.Size <= 0:
		return "it has no medium in it"
	case slices.ContainsFunc(s.Ignore, names):
		return "ignoredisk --drives names it"
	case len(s.OnlyUse) > 0 && !slices.ContainsFunc(s.OnlyUse, names):
		return "ignoredisk --only-use doesn't name it"
	}
	return ""
}

// Targets are the disks a person can be offered, and for each of the others,
// by its path, why not.
func Targets(m machine.Machine, record handoff.Record) (usable []machine.Disk, refused map[string]string) {
	b := &builder{Input: Input{Machine: m, Handoff: record}}
	refused = map[string]string{}
	for _, d := range m.Disks {
		if why := b.refusal(d); why != "" {
			refused[d.Path] = why
		} else {
			usable = append(usable, d)
		}
	}
	return usable, refused
}

// isMedium reports whether the installer was started from d or a partition of it.
func (b *builder) isMedium(d machine.Disk) bool {
	return isOn(d, b.Handoff.Medium.Device) || b.Former != nil && isOn(d, b.Former.Device)
}

// holdsKickstart reports whether the kickstart came from d. Such a disk is written
// only when it is named itself.
func (b *builder) holdsKickstart(d machine.Disk) bool {
	if b.Handoff.Kickstart == nil {
		return false
	}
	src, err := media.ParseSource(b.Handoff.Kickstart.Origin)
	return err == nil && isOn(d, src.Device)
}

// isOn reports whether dev is d or a partition of it.
func isOn(d machine.Disk, dev string) bool {
	if dev == d.Path {
		return true
	}
	return slices.ContainsFunc(d.Parts, func(p machine.Part) bool { return p.Path == dev })
}

func hasLabel(d machine.Disk, label string) bool {
	return d.Label == label || slices.ContainsFunc(d.Parts, func(p machine.Part) bool { return p.Label == label })
}
