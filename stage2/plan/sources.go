package plan

import (
	"slices"
	"strings"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/ksearly"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
)

// earlySource is a source as stage 1 reads it.
func earlySource(s config.Source) ksearly.Source {
	return ksearly.Source{Kind: s.Kind, URL: s.URL, Server: s.Server, Dir: s.Dir, Options: s.Options, Partition: s.Partition}
}

// sources compares what the answers ask of stage 1, long gone by, with what it went by:
// it reads less of a kickstart than stage 2.
func (b *builder) sources() {
	var read handoff.Kickstart
	if k := b.Handoff.Kickstart; k != nil {
		read = *k
	}
	a, m := b.Answers, b.Handoff.Medium
	b.early(a.Source.Kind, "inst.repo", media.Redact(earlySource(a.Source).Repo()), read.Repo, read.Overruled)
	b.early("updates", "inst.updates", media.Redact(a.Updates), read.Updates, read.Overruled)
	var disks []string
	for _, d := range a.DriverDisks {
		disks = append(disks, media.Redact(ksearly.DriverDisk(d.Partition, d.URL)))
	}
	b.early("driverdisk", "inst.dd", strings.Join(disks, " "), strings.Join(read.Drivers, " "), nil)
	if online := len(m.Sources) > 0 || strings.HasPrefix(m.URL, "nfs"); a.Source.Kind == "cdrom" && online {
		b.plan.Warnings = append(b.plan.Warnings, "cdrom: the packages come from "+m.URL+", as the boot options say")
	}
}

// early is one command that is stage 1's to carry out, in the spelling of the boot
// option that does the same.
func (b *builder) early(command, option, want, read string, overruled []string) {
	switch {
	case want == read && slices.Contains(overruled, option):
		b.plan.Warnings = append(b.plan.Warnings, command+": "+option+"= of the boot options wins over "+want)
	case want == read:
	case want == "":
		b.problems.Add(NotSupported, option+"="+read, "the first stage has read that in the kickstart and gone by it, and the whole file doesn't say it: "+
			"what a %%pre script or an included file changes comes too late. Leave it out of the file, or give %s= in the boot options", option)
	default:
		b.problems.Add(NotSupported, command, "%s is carried out by the first stage, which hasn't read it: it sees the file itself and what that includes by URL, "+
			"and no file that a %%pre script writes. Write it there, or give %s= in the boot options", want, option)
	}
}
