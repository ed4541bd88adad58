package dialog

import (
	"errors"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

type hostDraft struct{ name string }

// newHostDraft takes the name that somebody gave, the network's, or the product's.
func newHostDraft(s *State) hostDraft {
	product, _, _ := strings.Cut(strings.ToLower(s.Facts.Product), " ")
	for _, name := range []string{s.Given.Hostname, s.Facts.Hostname, product} {
		if config.IsHostname(name) {
			return hostDraft{name}
		}
	}
	return hostDraft{"localhost"}
}

func hostPage() Page {
	return Page{
		ID: "hostname", Title: "Host name",
		Help: "The name of this machine on the network, with or without a domain: a single word, or parts separated by dots.",
		Fields: func(s *State) []Field {
			field := Text{Key: "name", Label: s.Words.T("Host name"), Value: &s.host.name, Check: checkHost}
			if s.Given.Hostname == "" && s.Facts.Hostname != "" && s.host.name == s.Facts.Hostname {
				field.Hint = s.Words.T("The network calls the machine so.")
			}
			return []Field{field}
		},
		answered: func(s *State) bool { return s.Given.Hostname != "" },
		answer: func(s *State, a *config.Answers) error {
			a.Hostname = s.host.name
			return nil
		},
		summary: func(s *State) []string { return []string{s.host.name} },
		missing: func(s *State) string {
			if err := checkHost(s.host.name); err != nil {
				return s.Words.T("the host name can't be used: %s", s.Words.T(err.Error()))
			}
			return ""
		},
	}
}

// checkHost is the plan's rule, in words.
func checkHost(name string) error {
	switch {
	case config.IsHostname(name):
		return nil
	case name == "":
		return errors.New("the machine needs a name")
	case len(name) > 64:
		return errors.New("64 characters at most")
	}
	return errors.New("letters, digits and hyphens, parts separated by dots")
}
