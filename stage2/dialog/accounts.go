package dialog

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// What can be with root.
const (
	rootLocked   = "locked"
	rootPassword = "password"
	rootGiven    = "given" // as the kickstart says
)

type accountsDraft struct {
	mode  string
	root  secretDraft
	key   string // of root
	users []userDraft
}

func newAccountsDraft(s *State) accountsDraft {
	d := accountsDraft{mode: rootLocked}
	if s.Given.Root.Set {
		d.mode = rootGiven
	}
	d.key = firstKey(s.Given.SSHKeys, "root")
	for _, u := range s.Given.Users {
		d.users = append(d.users, newUserDraft(u, s.Given.SSHKeys))
	}
	return d
}

// firstKey is the one of a user's SSH keys that can be changed on the screen.
func firstKey(keys []config.SSHKey, user string) string {
	i := slices.IndexFunc(keys, func(k config.SSHKey) bool { return k.User == user })
	if i < 0 {
		return ""
	}
	return keys[i].Key
}

func accountsPage() Page {
	return Page{
		ID: "accounts", Title: "Root and users",
		Help: "Who can log in. An administrator may do everything, by sudo and the own password, so that root needs none.\n" +
			"With an SSH key somebody logs in from elsewhere without a password: it is the line in a file whose name ends with .pub.",
		Fields:   accountsFields,
		Leave:    func(_ context.Context, s *State) error { return s.accounts.sound() },
		answered: func(s *State) bool { return !lacksLogin(s.Given) },
		answer:   func(s *State, a *config.Answers) error { return s.accounts.logins(s.Given, s.Facts.Hash, a) },
		summary:  accountsSummary,
		missing:  accountsMissing,
	}
}

func accountsFields(s *State) []Field {
	d, w := &s.accounts, s.Words
	options := []Option{
		{Value: rootLocked, Label: w.T("locked: only administrators can do what root may")},
		{Value: rootPassword, Label: w.T("a password")},
	}
	if s.Given.Root.Set {
		options = append([]Option{{Value: rootGiven, Label: w.T("as the kickstart file says")}}, options...)
	}
	fields := []Field{d.userTable(s), Choice{Key: "mode", Label: w.T("The root account"), Options: options, Value: &d.mode}}
	if d.mode == rootPassword {
		fields = append(fields, d.root.fields(s, "root", w.T("Root password"), "", "root")...)
	}
	return append(fields, keyField(s, w.T("SSH key of root"), &d.key))
}

// sound says what is wrong between the fields.
func (d *accountsDraft) sound() error {
	if d.mode == rootPassword {
		if d.root.first == "" {
			return errors.New("type a password for root, or lock the account")
		}
		if err := d.root.agree(); err != nil {
			return err
		}
	}
	return checkKey(d.key)
}

func accountsMissing(s *State) string {
	a := s.Given
	err := s.accounts.logins(s.Given, nil, &a)
	switch {
	case err != nil:
		return s.Words.T(err.Error())
	case s.accounts.sound() != nil:
		return s.Words.T(s.accounts.sound().Error())
	case lacksLogin(a):
		return s.Words.T("nobody could log in: give root or a user a password or an SSH key")
	}
	return ""
}

// lacksLogin reports whether nobody could log in.
func lacksLogin(a config.Answers) bool {
	return slices.ContainsFunc(a.Missing(), func(g config.Gap) bool { return g.Field == "root" })
}

func accountsSummary(s *State) []string {
	a, w := s.Given, s.Words
	if err := s.accounts.logins(s.Given, nil, &a); err != nil {
		return nil
	}
	root := w.T("root: locked")
	switch {
	case a.Root.Hash != "" && !a.Root.Locked:
		root = w.T("root: with a password")
	case s.accounts.key != "":
		root = w.T("root: with an SSH key")
	}
	lines := []string{root}
	for _, u := range s.accounts.users {
		words := append([]string{u.config.Name}, u.cells(s)[1:]...)
		lines = append(lines, strings.Join(slices.DeleteFunc(words, func(c string) bool { return c == "" }), ", "))
	}
	return lines
}

// logins puts all who can log in into a, over what was given. Without hash it only counts who has
// a password.
func (d *accountsDraft) logins(given config.Answers, hash func(string) (string, error), a *config.Answers) error {
	switch d.mode {
	case rootLocked:
		a.Root = config.Login{Locked: true, Set: true}
	case rootPassword:
		h, err := d.root.hashed(hash, "root")
		if err != nil {
			return err
		}
		a.Root = config.Login{Hash: h, Set: true}
	}
	a.Users = nil
	a.SSHKeys = keysOf(given.SSHKeys, "root", "root", d.key)
	for i := range d.users {
		u, err := d.users[i].answer(hash)
		if err != nil {
			return err
		}
		a.Users = append(a.Users, u)
		a.SSHKeys = append(a.SSHKeys, keysOf(given.SSHKeys, d.users[i].was, u.Name, d.users[i].key)...)
	}
	for _, k := range given.SSHKeys { // of nobody who was named: the plan says what is wrong with them
		known := slices.ContainsFunc(given.Users, func(u config.User) bool { return u.Name == k.User })
		if k.User != "root" && !known {
			a.SSHKeys = append(a.SSHKeys, k)
		}
	}
	return nil
}

// keysOf are the keys of a user who was given under the name was: the first one is what was
// typed, the others stay.
func keysOf(given []config.SSHKey, was, name, first string) []config.SSHKey {
	var keys []config.SSHKey
	if first != "" {
		keys = append(keys, config.SSHKey{User: name, Key: first})
	}
	n := 0
	for _, k := range given {
		if k.User != was || was == "" {
			continue
		}
		if n++; n > 1 {
			keys = append(keys, config.SSHKey{User: name, Key: k.Key})
		}
	}
	return keys
}
