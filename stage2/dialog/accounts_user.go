package dialog

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// administrators is the group whose members may use sudo on Debian.
const administrators = "sudo"

// userDraft is a user while being typed.
type userDraft struct {
	config config.User
	was    string // the name under which the kickstart gave the user
	pass   secretDraft
	key    string
}

func newUserDraft(u config.User, keys []config.SSHKey) userDraft {
	u.Groups = slices.Clone(u.Groups)
	return userDraft{config: u, was: u.Name, key: firstKey(keys, u.Name)}
}

func (u *userDraft) admin() bool { return slices.Contains(u.config.Groups, administrators) }

// answer is the user as it will be made.
func (u *userDraft) answer(hash func(string) (string, error)) (config.User, error) {
	c := u.config
	if u.pass.first == "" {
		if !c.Login.Set {
			c.Login = config.Login{Locked: true, Set: true}
		}
		return c, nil
	}
	h, err := u.pass.hashed(hash, c.Name)
	c.Login = config.Login{Hash: h, Set: true}
	return c, err
}

// cells are the user's in the table.
func (u *userDraft) cells(s *State) []string {
	w := s.Words
	cells := []string{u.config.Name, u.config.Gecos, "", w.T("no password"), ""}
	if u.admin() {
		cells[2] = w.T("administrator")
	}
	if u.pass.first != "" || u.config.Login.Hash != "" && !u.config.Login.Locked {
		cells[3] = w.T("password")
	}
	if u.key != "" {
		cells[4] = w.T("SSH key")
	}
	return cells
}

// shut reports whether the user can't log in.
func (u *userDraft) shut() bool {
	return u.key == "" && u.pass.first == "" && (u.config.Login.Hash == "" || u.config.Login.Locked)
}

func (d *accountsDraft) userTable(s *State) Table {
	w := s.Words
	t := Table{
		Key: "users", Label: w.T("Users"),
		Head: []string{w.T("Login name"), w.T("Full name"), w.T("Rights"), w.T("Password"), w.T("SSH key")},
		Actions: []RowAction{
			{Key: "e", Label: w.T("change"), Do: func(_ context.Context, row string) (*Page, error) { return d.edit(row) }},
			{Key: "a", Label: w.T("add"), Whole: true, Do: func(context.Context, string) (*Page, error) { return d.add(), nil }},
			{Key: "d", Label: w.T("remove"), Do: func(_ context.Context, row string) (*Page, error) { return nil, d.remove(row) }},
		},
	}
	if len(d.users) == 0 {
		t.Hint = w.T("There is no user yet.")
	}
	for i := range d.users {
		row := Row{Key: strconv.Itoa(i), Cells: d.users[i].cells(s)}
		if d.users[i].shut() {
			row.Bad = w.T("%s can't log in: no password and no SSH key", d.users[i].config.Name)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// index is the user of a row.
func (d *accountsDraft) index(row string) (int, error) {
	i, err := strconv.Atoi(row)
	if err != nil || i < 0 || i >= len(d.users) {
		return 0, errors.New("that user is not there any more")
	}
	return i, nil
}

func (d *accountsDraft) remove(row string) error {
	i, err := d.index(row)
	if err == nil {
		d.users = slices.Delete(d.users, i, i+1)
	}
	return err
}

func (d *accountsDraft) edit(row string) (*Page, error) {
	i, err := d.index(row)
	if err != nil {
		return nil, err
	}
	u := d.users[i]
	u.config.Groups = slices.Clone(u.config.Groups)
	return d.userPage(u, i), nil
}

// add is a page for a new user; the first one is usually who looks after the machine.
func (d *accountsDraft) add() *Page {
	var u userDraft
	if len(d.users) == 0 {
		u.config.Groups = []string{administrators}
	}
	return d.userPage(u, len(d.users))
}

// userPage is where user i, or one more, is typed. Only leaving it forwards changes anything.
func (d *accountsDraft) userPage(u userDraft, i int) *Page {
	admin, old := u.admin(), u.config.Name
	return &Page{
		ID: "user", Title: "User",
		Help: "An account to log in with. The login name is made of small letters and digits. An administrator may use sudo.",
		Fields: func(s *State) []Field {
			w, kept := s.Words, ""
			if u.config.Login.Hash != "" {
				kept = w.T("One is set. Leave it empty to keep that.")
			}
			fields := []Field{
				Text{Key: "gecos", Label: w.T("Full name"), Value: &u.config.Gecos, Check: checkGecos},
				Text{Key: "user", Label: w.T("Login name"), Value: &u.config.Name, Check: d.nameCheck(i, old)},
				Yes{Key: "admin", Label: w.T("Administrator"), Value: &admin},
			}
			fields = append(fields, u.pass.fields(s, "pass", w.T("Password"), kept, u.config.Name, u.config.Gecos)...)
			return append(fields, keyField(s, w.T("SSH key"), &u.key))
		},
		Leave: func(context.Context, *State) error {
			if err := errors.Join(d.nameCheck(i, old)(u.config.Name), checkGecos(u.config.Gecos), u.pass.agree(), checkKey(u.key)); err != nil {
				return err
			}
			u.setAdmin(admin)
			d.users = append(d.users[:i:i], append([]userDraft{u}, d.users[min(i+1, len(d.users)):]...)...)
			return nil
		},
	}
}

func (u *userDraft) setAdmin(on bool) {
	groups := slices.DeleteFunc(slices.Clone(u.config.Groups), func(g string) bool { return g == administrators })
	if on {
		groups = append(groups, administrators)
	}
	if on != u.admin() {
		u.config.Groups = groups
	}
}

// nameCheck is for the name of user i, which was old before.
func (d *accountsDraft) nameCheck(i int, old string) func(string) error {
	return func(name string) error {
		for j, u := range d.users {
			if j != i && u.config.Name == name {
				return errors.New("there is a user of that name")
			}
		}
		if name == old && name != "" {
			return nil
		}
		return checkUser(name)
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
		return errors.New("a login name is needed")
	case name == "root":
		return errors.New("root is there already")
	case len(name) > 32 || !regexp.MustCompile(`^[a-z][a-z0-9_-]*$`).MatchString(name):
		return errors.New("a to z first, then a to z, 0 to 9, - and _; 32 at most")
	}
	return nil
}
