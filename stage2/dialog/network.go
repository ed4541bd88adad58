package dialog

import "github.com/molt-installer/molt/stage2/config"

type networkDraft struct{}

func newNetworkDraft(*State) networkDraft { return networkDraft{} }

func networkPage() Page {
	return Page{
		ID: "network", Title: "Network",
		Help: "How the machine gets on the network.",
		Fields: func(s *State) []Field {
			return []Field{Note{Text: s.Words.T("The first interface with a cable in it asks for its address by DHCP.")}}
		},
		answered: func(s *State) bool { return len(s.Given.Network) > 0 || s.Facts.Connected },
		answer: func(s *State, a *config.Answers) error {
			if len(a.Network) == 0 && !s.Facts.Connected {
				a.Network = []config.Network{{Device: "link", Method: "dhcp", OnBoot: true}}
			}
			return nil
		},
		summary: func(s *State) []string { return []string{s.Words.T("DHCP")} },
	}
}
