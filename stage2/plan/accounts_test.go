package plan

import (
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/host/hosttest"
	"github.com/molt-installer/molt/stage2/payload"
)

// accountsWorld is a target with root alone.
func accountsWorld() *world {
	w := newWorld()
	w.AddFile("/target/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
	w.AddFile("/target/etc/group", "root:x:0:\n")
	return w
}

// TestRootBySSH: sshd of Debian 13 says "permitrootlogin yes" with this file.
func TestRootBySSH(t *testing.T) {
	for asked, want := range map[bool]string{true: "# Written by the installer: rootpw --allow-ssh.\nPermitRootLogin yes\n", false: ""} {
		w := accountsWorld()
		if err := (accounts{ssh: asked, root: config.Login{Hash: "$y$x"}}).Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
		got, _ := w.File("/target/etc/ssh/sshd_config.d/01-permitrootlogin.conf")
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}

// TestRootBySSHWithoutServer is no error: the server may come later.
func TestRootBySSHWithoutServer(t *testing.T) {
	for name, warnings := range map[string]int{"openssh-server": 0, "vim": 1} {
		b := &builder{}
		b.Selection = &payload.Selection{Packages: []payload.Package{{Name: name}}}
		b.Answers.RootSSH, b.Answers.Root = true, config.Login{Hash: "$y$x", Set: true}
		b.accounts()
		if len(b.problems) > 0 || len(b.plan.Warnings) != warnings || warnings > 0 && !strings.Contains(b.plan.Warnings[0], "openssh-server") {
			t.Errorf("with %s: %v, %q", name, b.problems, b.plan.Warnings)
		}
	}
}

// TestKeysAreAdded: the keys in a home that is kept stay, and another try adds none twice.
func TestKeysAreAdded(t *testing.T) {
	w := accountsWorld()
	w.AddFile("/target/root/.ssh/authorized_keys", "ssh-ed25519 OLD")
	s := accounts{keys: []config.SSHKey{{User: "root", Key: "ssh-ed25519 NEW"}, {User: "root", Key: "ssh-ed25519 OLD"}}}
	for range 2 {
		if err := s.Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := w.File("/target/root/.ssh/authorized_keys"); got != "ssh-ed25519 OLD\nssh-ed25519 NEW\n" {
		t.Errorf("the keys are %q", got)
	}
}

// TestThereAlready: a user or a group of a package's keeps what it is, which is said, and gets
// the groups that were asked for.
func TestThereAlready(t *testing.T) {
	w := accountsWorld()
	w.AddFile("/target/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nwww:x:33:33::/var/www:/usr/sbin/nologin\n")
	w.AddFile("/target/etc/group", "root:x:0:\nusers:x:100:\nwww:x:33:\n")
	s := accounts{groups: []config.Group{{Name: "users", GID: 100}, {Name: "www", GID: 2000}},
		users: []config.User{{Name: "www", UID: 33, Home: "/srv/www", Groups: []string{"users"}}}}
	if err := s.Run(t.Context(), w.env); err != nil {
		t.Fatal(err)
	}
	want := []string{"warning: the group www is there already, with the number 33: it keeps that", "warning: the user www is there already, with /var/www and not /srv/www: that stays"}
	if d := cmp.Diff(want, w.told); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"run usermod --prefix /target --append --groups users www"}, w.Called("run usermod")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if c := append(w.Called("run useradd"), w.Called("run groupadd")...); len(c) > 0 {
		t.Errorf("made: %q", c)
	}
}

// TestOwnGroup: useradd makes no group that another user's answers have made.
func TestOwnGroup(t *testing.T) {
	w := accountsWorld()
	w.AddFile("/target/etc/group", "root:x:0:\ndeploy:x:999:alice\n")
	if err := (accounts{users: []config.User{{Name: "deploy"}, {Name: "bob"}}}).Run(t.Context(), w.env); err != nil {
		t.Fatal(err)
	}
	want := []string{"run useradd --prefix /target --create-home --gid deploy --shell /bin/sh deploy", "run useradd --prefix /target --create-home --user-group --shell /bin/sh bob"}
	if d := cmp.Diff(want, w.Called("run useradd")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// ownedHome is a target with a home that belongs to somebody.
type ownedHome struct {
	*hosttest.Host
	uid uint32
}

func (h ownedHome) Stat(path string) (fs.FileInfo, error) {
	info, err := h.Host.Stat(path)
	if err == nil && path == "/target/home/ada" {
		return owned{info, h.uid}, nil
	}
	return info, err
}

type owned struct {
	fs.FileInfo
	uid uint32
}

func (o owned) Sys() any { return &syscall.Stat_t{Uid: o.uid} }

// homes are a target's, each with its owner.
type homes struct {
	*hosttest.Host
	owners map[string]uint32
}

func (h homes) Stat(path string) (fs.FileInfo, error) {
	info, err := h.Host.Stat(path)
	if uid, kept := h.owners[path]; err == nil && kept {
		return owned{info, uid}, nil
	}
	return info, err
}

// TestKeptHomesFirst: the first number that is free is nobody's whose files are there already, and a
// number that is asked for is not given to the owner of a home that is kept.
func TestKeptHomesFirst(t *testing.T) {
	w := accountsWorld()
	owners := map[string]uint32{"/target/home/bob": 1000, "/target/home/carol": 1001, "/target/home/eve": 1000}
	for home := range owners {
		w.AddDir(home)
	}
	w.env.Host = homes{w.Host, owners}
	s := accounts{users: []config.User{{Name: "alice"}, {Name: "carol"}, {Name: "bob"}, {Name: "eve"}, {Name: "dave", UID: 1001}}}
	if err := s.Run(t.Context(), w.env); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range w.Called("run useradd") {
		_, end, _ := strings.Cut(c, "--shell /bin/sh ")
		got = append(got, end)
	}
	if d := cmp.Diff([]string{"--uid 1001 dave", "--uid 1000 bob", "alice", "carol", "eve"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if s.users[0].Name != "alice" || s.users[2].UID != 0 {
		t.Errorf("the answers were changed: %v", s.users)
	}
}

// TestKeptHome: the new user is whom the files in the home that is kept belong to, unless a number is
// asked for, or another user has that one, or it is a daemon's.
func TestKeptHome(t *testing.T) {
	for name, tt := range map[string]struct {
		uid  uint32
		user config.User
		want string
	}{
		"as it was": {1007, config.User{Name: "ada"}, " --uid 1007 ada"},
		"asked for": {1007, config.User{Name: "ada", UID: 1001}, " --uid 1001 ada"},
		"taken":     {1003, config.User{Name: "ada"}, " --shell /bin/sh ada"},
		"root's":    {0, config.User{Name: "ada"}, " --shell /bin/sh ada"},
		"elsewhere": {1007, config.User{Name: "ada", Home: "/srv/ada"}, " --home-dir /srv/ada --shell /bin/sh ada"},
	} {
		w := accountsWorld()
		w.AddFile("/target/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nbob:x:1003:1003::/home/bob:/bin/bash\n")
		w.AddDir("/target/home/ada")
		w.env.Host = ownedHome{w.Host, tt.uid}
		if err := (accounts{users: []config.User{tt.user}}).Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
		if c := w.Called("run useradd"); len(c) != 1 || !strings.HasSuffix(c[0], tt.want) {
			t.Errorf("%s: %q", name, c)
		}
	}
}

// TestLanguage: a language that the chosen packages can't speak is warned of.
func TestLanguage(t *testing.T) {
	for _, c := range []struct {
		language string
		packages []string
		warned   bool
	}{
		{"de_DE.UTF-8", nil, true}, {"de_DE.UTF-8", []string{"locales"}, false}, {"C.UTF-8", nil, false}, {"", nil, false},
	} {
		b := &builder{Input: Input{Selection: &payload.Selection{}}}
		b.Answers.Language = c.language
		for _, name := range c.packages {
			b.Selection.Packages = append(b.Selection.Packages, payload.Package{Name: name})
		}
		if b.language(); (len(b.plan.Warnings) > 0) != c.warned {
			t.Errorf("%s with %v: warnings %q", c.language, c.packages, b.plan.Warnings)
		}
	}
}
