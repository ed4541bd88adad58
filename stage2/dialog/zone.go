package dialog

import (
	"cmp"

	"github.com/molt-installer/molt/stage2/config"
)

type zoneDraft struct {
	zone string
	utc  bool
}

func newZoneDraft(s *State) zoneDraft {
	given := s.Given.Timezone
	return zoneDraft{zone: cmp.Or(given.Zone, "Etc/UTC"), utc: given.UTC || given.Zone == ""}
}

func zonePage() Page {
	return Page{
		ID: "timezone", Title: "Time zone",
		Help: "Where the machine is. Its clock shows the time of this place.",
		Fields: func(s *State) []Field {
			return []Field{
				Choice{Key: "zone", Label: s.Words.T("Time zone"), Options: plainOptions(s.Facts.Zones), Value: &s.zone.zone},
				Yes{Key: "utc", Label: s.Words.T("The machine's own clock runs in UTC"), Value: &s.zone.utc},
			}
		},
		answered: func(s *State) bool { return s.Given.Timezone.Zone != "" },
		answer: func(s *State, a *config.Answers) error {
			a.Timezone = config.Timezone{Zone: s.zone.zone, UTC: s.zone.utc}
			return nil
		},
		summary: func(s *State) []string { return []string{s.zone.zone} },
	}
}

// plainOptions are values that are their own labels.
func plainOptions(values []string) []Option {
	options := make([]Option, len(values))
	for i, v := range values {
		options[i] = Option{Value: v, Label: v}
	}
	return options
}
