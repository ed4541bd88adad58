package dialog

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

type accountsDraft struct {
	root, root2 string
	gecos, user string
	pass, pass2 string
}

func newAccountsDraft(s *State) accountsDraft {
	var d accountsDraft
	if len(s.Given.Users) > 0 {
		d.user, d.gecos = s.Given.Users[0].Name, s.Given.Users[0].Gecos
	}
	return d
}

func accountsPage() Page {
	return Page{
		ID: "accounts", Title: "Root and users",
		Help:   "Who can log in.",
		Fields: accountsFields,
		answered: func(s *State) bool {
			return s.Given.Root.Set || len(s.Given.Users) > 0
		},
		answer: func(s *State, a *config.Answers) error { return s.accounts.logins(s, a) },
		summary: func(s *State) []string {
			if s.accounts.user == "" {
				return []string{"root"}
			}
			return []string{"root", s.accounts.user}
		},
	}
}

func accountsFields(s *State) []Field {
	d, w := &s.accounts, s.Words
	return []Field{
		Text{Key: "root", Label: w.T("Root password"), Hint: w.T("Leave it empty to lock the root account."), Secret: true, Value: &d.root},
		Text{Key: "root2", Label: w.T("The same again"), Secret: true, Value: &d.root2, Check: same(&d.root)},
		Text{Key: "gecos", Label: w.T("Full name"), Value: &d.gecos, Check: checkGecos},
		Text{Key: "user", Label: w.T("Login name"), Value: &d.user, Check: checkUser},
		Text{Key: "pass", Label: w.T("Password"), Secret: true, Value: &d.pass},
		Text{Key: "pass2", Label: w.T("The same again"), Secret: true, Value: &d.pass2, Check: same(&d.pass)},
	}
}

func same(first *string) func(string) error {
	return func(again string) error {
		if again != *first {
			return errors.New("the two are not the same")
		}
		return nil
	}
}

func checkGecos(s string) error {
	if strings.ContainsAny(s, ":\n,") {
		return errors.New("no colon and no comma, please")
	}
	return nil
}

// checkUser is the rule of Debian's adduser (NAME_REGEX).
func checkUser(name string) error {
	switch {
	case name == "":
		return nil
	case name == "root":
		return errors.New("root is there already")
	case len(name) > 32 || !regexp.MustCompile(`^[a-z][a-z0-9_-]*$`).MatchString(name):
		return errors.New("a to z first, then a to z, 0 to 9, - and _; 32 at most")
	}
	return nil
}

func (d *accountsDraft) logins(s *State, a *config.Answers) error {
	if d.root != "" {
		h, err := s.Facts.Hash(d.root)
		if err != nil {
			return fmt.Errorf("hash the root password: %w", err)
		}
		a.Root = config.Login{Hash: h, Set: true}
	} else if !s.Given.Root.Set {
		a.Root = config.Login{Locked: true, Set: true}
	}
	if d.user == "" {
		return nil
	}
	h, err := s.Facts.Hash(d.pass)
	if err != nil {
		return fmt.Errorf("hash the password of %s: %w", d.user, err)
	}
	a.Users = []config.User{{Name: d.user, Gecos: d.gecos, Groups: []string{"sudo"}, Login: config.Login{Hash: h, Set: true}}}
	return nil
}
