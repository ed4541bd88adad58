package dialog

import (
	"cmp"
	"slices"

	"github.com/molt-installer/molt/stage2/config"
)

type zoneDraft struct {
	zone    string
	guessed string
	utc     bool
}

func newZoneDraft(s *State) zoneDraft {
	given := s.Given.Timezone
	d := zoneDraft{zone: given.Zone, utc: given.UTC || given.Zone == ""}
	d.guess(s)
	return d
}

// guess takes the likeliest zone of the language's country, unless another one was given or chosen.
func (d *zoneDraft) guess(s *State) {
	if d.zone != d.guessed {
		return
	}
	d.guessed = "Etc/UTC"
	if likely := s.regions().ZonesFor(s.language.locale); len(likely) > 0 {
		d.guessed = likely[0]
	}
	d.zone = d.guessed
}

func zonePage() Page {
	return Page{
		ID: "timezone", Title: "Time zone",
		Help: "Where the machine is. Its clock shows the time of this place. Type to search: the country, or a large city in the same zone. " +
			"The zones of the language's country come first.\n\n" +
			"The machine's own clock, which runs while it is off, is best set to UTC. Windows expects local time there: choose so beside it.",
		Fields: func(s *State) []Field {
			label := s.Words.T("Time zone")
			utc := Yes{Key: "utc", Label: s.Words.T("The machine's own clock runs in UTC"), Value: &s.zone.utc}
			if len(s.regions().Zones) == 0 {
				return []Field{Text{Key: "zone", Label: label, Value: &s.zone.zone}, utc}
			}
			return []Field{Choice{Key: "zone", Label: label, Options: zoneOptions(s), Value: &s.zone.zone}, utc}
		},
		answered: func(s *State) bool { return s.Given.Timezone.Zone != "" },
		answer: func(s *State, a *config.Answers) error {
			a.Timezone = config.Timezone{Zone: s.zone.zone, UTC: s.zone.utc}
			return nil
		},
		summary: func(s *State) []string {
			if s.zone.utc {
				return []string{s.zone.zone}
			}
			return []string{s.zone.zone, s.Words.T("the machine's own clock runs in local time")}
		},
	}
}

// zoneOptions are all zones, first those of the language's country.
func zoneOptions(s *State) []Option {
	near := s.regions().ZonesFor(s.language.locale)
	options := make([]Option, 0, len(s.regions().Zones))
	for _, z := range s.regions().Zones {
		options = append(options, Option{Value: z.Name, Label: z.Label(), Find: z.Find()})
	}
	slices.SortStableFunc(options, func(a, b Option) int { return cmp.Compare(rank(near, a.Value), rank(near, b.Value)) })
	return options
}

// rank is where name is in list; what isn't in it comes last.
func rank(list []string, name string) int {
	if i := slices.Index(list, name); i >= 0 {
		return i
	}
	return len(list)
}

// plainOptions are values that are their own labels.
func plainOptions(values []string) []Option {
	options := make([]Option, len(values))
	for i, v := range values {
		options[i] = Option{Value: v, Label: v}
	}
	return options
}
