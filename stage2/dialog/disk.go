package dialog

import (
	"fmt"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

type diskDraft struct{ path, fstype string }

func newDiskDraft(s *State) diskDraft {
	d := diskDraft{fstype: "ext4"}
	if drives := s.Given.Storage.Clear.Drives; len(drives) > 0 {
		d.path = drives[0]
	}
	return d
}

func diskPage() Page {
	return Page{
		ID: "destination", Title: "Destination",
		Help:     "The disk that the system is installed to.",
		Fields:   diskFields,
		answered: func(s *State) bool { return s.Given.Storage.Auto != nil || len(s.Given.Storage.Partitions) > 0 },
		answer: func(s *State, a *config.Answers) error {
			a.Storage = wholeDisk(s.disk.path, s.disk.fstype)
			return nil
		},
		summary: func(s *State) []string { return []string{s.disk.path} },
		missing: func(s *State) string {
			if s.disk.path == "" {
				return s.Words.T("no disk has been chosen")
			}
			return ""
		},
	}
}

func diskFields(s *State) []Field {
	var options []Option
	for _, d := range s.Facts.Disks {
		label := fmt.Sprintf("%-10s %9s  %s", d.Path, machine.Size(d.Size), s.Facts.Machine.Contents(d))
		options = append(options, Option{Value: d.Path, Label: label})
	}
	if len(options) == 0 {
		return []Field{Note{Text: s.Words.T("There is no disk that could be installed to."), Bad: true}}
	}
	return []Field{
		Choice{Key: "disk", Label: s.Words.T("Install to which disk?"), Options: options, Value: &s.disk.path},
		Choice{Key: "fstype", Label: s.Words.T("File system"), Options: plainOptions([]string{"ext4", "xfs"}), Value: &s.disk.fstype},
	}
}

func wholeDisk(disk, fstype string) config.Storage {
	return config.Storage{
		Zerombr: true,
		OnlyUse: []string{disk},
		Clear:   config.Clear{Mode: "all", Drives: []string{disk}, InitLabel: true, Label: "gpt"},
		Auto:    &config.Autopart{Type: "plain", FSType: fstype},
	}
}
