package dialog

import (
	"errors"
	"regexp"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

type hostDraft struct{ name string }

func newHostDraft(s *State) hostDraft {
	for _, name := range []string{s.Given.Hostname, s.Facts.Hostname} {
		if name != "" {
			return hostDraft{name}
		}
	}
	return hostDraft{strings.ToLower(strings.Fields(s.Facts.Product + " host")[0])}
}

func hostPage() Page {
	return Page{
		ID: "hostname", Title: "Host name",
		Help: "The name of this machine on the network, with or without a domain.",
		Fields: func(s *State) []Field {
			return []Field{Text{Key: "name", Label: s.Words.T("Host name"), Value: &s.host.name, Check: checkHost}}
		},
		answered: func(s *State) bool { return s.Given.Hostname != "" },
		answer: func(s *State, a *config.Answers) error {
			a.Hostname = s.host.name
			return nil
		},
		summary: func(s *State) []string { return []string{s.host.name} },
	}
}

// checkHost follows RFC 1123, section 2.1.
func checkHost(name string) error {
	if name == "" || len(name) > 253 {
		return errors.New("1 to 253 characters")
	}
	label := regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	for _, part := range strings.Split(name, ".") {
		if !label.MatchString(part) {
			return errors.New("letters, digits and hyphens, parts separated by dots")
		}
	}
	return nil
}
