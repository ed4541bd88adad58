package dialog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/words"
)

const (
	adaKey   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ada@engine"
	otherKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB other"
)

// saltedHash is another one each time, as hashes are.
func saltedHash() func(string) (string, error) {
	n := 0
	return func(plain string) (string, error) {
		n++
		return fmt.Sprintf("$%d$%s", n, strings.ToUpper(plain)), nil
	}
}

func accountsState(given config.Answers) *State {
	return New(Facts{Product: "Debian 13", Hash: saltedHash()}, given, words.Open(words.English))
}

// fillUser types into a user's page, from the second pair on with fields and their texts.
func fillUser(t *testing.T, s *State, p *Page, pairs ...string) error {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		switch f := field(s, *p, pairs[i]).(type) {
		case Text:
			*f.Value = pairs[i+1]
		case Yes:
			*f.Value = pairs[i+1] == "yes"
		default:
			t.Fatalf("no field %s", pairs[i])
		}
	}
	return p.Leave(context.Background(), s)
}

func accountsOf(t *testing.T, s *State) config.Answers {
	t.Helper()
	a := s.Given
	if err := accountsPage().answer(s, &a); err != nil {
		t.Fatal(err)
	}
	return config.Answers{Root: a.Root, Users: a.Users, SSHKeys: a.SSHKeys}
}

func TestAccounts(t *testing.T) {
	s := accountsState(config.Answers{})
	d := &s.accounts
	if m := accountsMissing(s); !strings.Contains(m, "nobody could log in") {
		t.Errorf("before anything is typed is missing %q", m)
	}
	if err := fillUser(t, s, d.add(), "gecos", "Ada L", "user", "ada", "pass", "secret", "pass2", "secret", "key", adaKey); err != nil {
		t.Fatal(err)
	}
	if err := fillUser(t, s, d.add(), "user", "bob", "pass", "b", "pass2", "b"); err != nil {
		t.Fatal(err)
	}
	want := config.Answers{
		Root: config.Login{Locked: true, Set: true},
		Users: []config.User{
			{Name: "ada", Gecos: "Ada L", Groups: []string{"sudo"}, Login: config.Login{Hash: "$1$SECRET", Set: true}},
			{Name: "bob", Login: config.Login{Hash: "$2$B", Set: true}},
		},
		SSHKeys: []config.SSHKey{{User: "ada", Key: adaKey}},
	}
	if diff := cmp.Diff(want, accountsOf(t, s), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(want, accountsOf(t, s), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("asked for again, the answers differ:\n%s", diff)
	}
	page, err := d.edit("1")
	if err != nil {
		t.Fatal(err)
	}
	if err := fillUser(t, s, page, "user", "eve", "admin", "yes", "pass", "new", "pass2", "new"); err != nil {
		t.Fatal(err)
	}
	if err := d.remove("0"); err != nil {
		t.Fatal(err)
	}
	got := accountsOf(t, s)
	if len(got.Users) != 1 || got.Users[0].Name != "eve" || !slices.Contains(got.Users[0].Groups, "sudo") || got.Users[0].Login.Hash != "$3$NEW" || len(got.SSHKeys) > 0 {
		t.Errorf("after a change and a removal: %+v", got)
	}
	if _, err := d.edit("1"); err == nil {
		t.Error("a user who is gone can be changed")
	}
}

// TestUserPageRefuses: what is wrong keeps the page open, and nothing is changed.
func TestUserPageRefuses(t *testing.T) {
	s := accountsState(config.Answers{Users: []config.User{{Name: "there"}}})
	for name, tt := range map[string]struct {
		pairs []string
		want  string
	}{
		"no name":       {nil, "a login name is needed"},
		"taken":         {[]string{"user", "there"}, "there is a user of that name"},
		"root":          {[]string{"user", "root"}, "root is there already"},
		"letters":       {[]string{"user", "Ada"}, "a to z first"},
		"mismatch":      {[]string{"user", "ada", "pass", "a", "pass2", "b"}, "not the same"},
		"control":       {[]string{"user", "ada", "pass", "a\x00", "pass2", "a\x00"}, "control characters"},
		"colon":         {[]string{"user", "ada", "gecos", "a:b"}, "no colon"},
		"no key":        {[]string{"user", "ada", "key", "nonsense"}, "not a public key"},
		"half a key":    {[]string{"user", "ada", "key", adaKey[:40]}, "not a public key"},
		"a private key": {[]string{"user", "ada", "key", "-----BEGIN OPENSSH PRIVATE KEY-----"}, "a private key"},
		"two keys":      {[]string{"user", "ada", "key", adaKey + "\n" + otherKey}, "one line"},
	} {
		err := fillUser(t, s, s.accounts.add(), tt.pairs...)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "BEGIN") {
			t.Errorf("%s: the key is shown: %v", name, err)
		}
	}
	if n := len(s.accounts.users); n != 1 {
		t.Errorf("there are %d users", n)
	}
}

// TestGivenAccountsStay: what a kickstart said is kept, also what no field shows.
func TestGivenAccountsStay(t *testing.T) {
	given := config.Answers{
		Root: config.Login{Hash: "$y$root", Set: true},
		Users: []config.User{
			{Name: "Given", Gecos: "G", Groups: []string{"audio", "sudo"}, Home: "/srv/g", Shell: "/bin/dash", UID: 2000, GID: 100, Login: config.Login{Hash: "$y$g", Set: true}},
			{Name: "shut", Login: config.Login{Locked: true, Set: true}},
		},
		SSHKeys: []config.SSHKey{{User: "Given", Key: adaKey}, {User: "Given", Key: otherKey}, {User: "root", Key: otherKey}, {User: "nobody", Key: adaKey}},
	}
	s := accountsState(given)
	byUser := cmpopts.SortSlices(func(a, b config.SSHKey) bool { return a.User+a.Key < b.User+b.Key })
	if diff := cmp.Diff(given, accountsOf(t, s), byUser); diff != "" {
		t.Errorf("looked at and left (-given +got)\n%s", diff)
	}
	if s.Asked(accountsPage()) {
		t.Error("it is asked, though somebody can log in")
	}
	table := s.accounts.userTable(s)
	if table.Rows[0].Bad != "" || !strings.Contains(table.Rows[1].Bad, "can't log in") {
		t.Errorf("the table is %+v", table.Rows)
	}
	page, err := s.accounts.edit("0")
	if err != nil {
		t.Fatal(err)
	}
	if err := fillUser(t, s, page, "gecos", "Gina"); err != nil { // the name is no adduser's, but was given so
		t.Fatal(err)
	}
	want := given
	want.Users = slices.Clone(given.Users)
	want.Users[0].Gecos = "Gina"
	if diff := cmp.Diff(want, accountsOf(t, s), byUser); diff != "" {
		t.Errorf("with another full name (-want +got)\n%s", diff)
	}
	if given.Users[0].Gecos != "G" {
		t.Error("the given answers were changed")
	}
}

func TestRoot(t *testing.T) {
	s := accountsState(config.Answers{Root: config.Login{Locked: true, Set: true}})
	if !s.Asked(accountsPage()) {
		t.Error("root is locked, there is no user, and nobody is asked")
	}
	d := &s.accounts
	d.mode = rootPassword
	if err := d.sound(); err == nil {
		t.Error("root can have a password that is empty")
	}
	d.root.first, d.root.again = "secret", "secre"
	if err := d.sound(); err == nil || accountsMissing(s) == "" {
		t.Error("the two passwords of root needn't be the same")
	}
	d.root.again = "secret"
	if err := d.sound(); err != nil || accountsMissing(s) != "" {
		t.Errorf("%v, missing %q", err, accountsMissing(s))
	}
	if got := accountsOf(t, s); got.Root != (config.Login{Hash: "$1$SECRET", Set: true}) {
		t.Errorf("root is %+v", got.Root)
	}
	d.mode, d.key = rootLocked, otherKey
	if got := accountsOf(t, s); !got.Root.Locked || len(got.SSHKeys) != 1 || got.SSHKeys[0].User != "root" {
		t.Errorf("root with a key is %+v", got)
	}
	for _, line := range accountsSummary(s) {
		if strings.Contains(line, "SECRET") || strings.Contains(line, "secret") {
			t.Errorf("the summary says %q", line)
		}
	}
}

// TestHashFails: the error says whose password, and not which.
func TestHashFails(t *testing.T) {
	s := accountsState(config.Answers{})
	s.Facts.Hash = func(string) (string, error) { return "", errors.New("no randomness") }
	s.accounts.mode, s.accounts.root = rootPassword, secretDraft{first: "hunter2", again: "hunter2"}
	err := accountsPage().answer(s, &config.Answers{})
	if err == nil || err.Error() != "hash the password of root: no randomness" {
		t.Error(err)
	}
}

func TestHost(t *testing.T) {
	for _, tt := range []struct{ given, network, product, want string }{
		{"", "", "Debian 13", "debian"}, {"", "dhcp-7", "Debian 13", "dhcp-7"}, {"mine.example.org", "dhcp-7", "Debian 13", "mine.example.org"},
		{"", "", "Österreich 1", "localhost"}, {"", "", "", "localhost"}, {"", "-bad-", "Debian", "debian"},
	} {
		s := New(Facts{Product: tt.product, Hostname: tt.network}, config.Answers{Hostname: tt.given}, words.Open(""))
		if s.host.name != tt.want {
			t.Errorf("%+v: %q", tt, s.host.name)
		}
	}
	for name, good := range map[string]bool{
		"engine": true, "a.b-c.example": true, "9p": true, strings.Repeat("a", 63): true,
		"": false, "-a": false, "a-": false, "a..b": false, "a_b": false, "a b": false, ".": false, "ä": false, "a\n": false,
		strings.Repeat("a", 64): false, strings.Repeat("a.", 32) + "a": false,
	} {
		if err := checkHost(name); (err == nil) != good || config.IsHostname(name) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}
