package stage2_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/plan"
)

const (
	keyOfAda  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ada@engine"
	keyOfRoot = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB root@engine"
)

// choosable is a payload with something to choose.
type choosable struct{ small }

func (choosable) Catalog() *media.Catalog {
	return &media.Catalog{
		Groups: []media.Group{
			{ID: "tools", Title: "Tools", Packages: []string{"git"}, Count: 3, Size: 1 << 20, Discs: []int{1}},
			{ID: "web", Title: "Web server", Packages: []string{"nginx"}, Count: 5, Size: 1 << 21, Discs: []int{2}},
		},
		Environments: []media.Environment{{ID: "server", Title: "Server", Groups: []string{"tools"}}},
	}
}

func (choosable) Find(_ context.Context, words string) ([]payload.Found, error) {
	if words != "vim" {
		return []payload.Found{{Name: "vim", Disc: 1, Near: true}}, nil
	}
	return []payload.Found{{Name: "vim", Description: "an editor", Size: 1 << 20, Disc: 1}, {Name: "vim-tiny", Disc: 2}}, nil
}

// observed is a front end whose last answers are kept.
type observed struct {
	stage2.Frontend
	answers *config.Answers
	dialog  *stage2.Dialog
	goOn    bool // else nothing is carried out
}

func (o observed) Decide(ctx context.Context, d stage2.Dialog) (*plan.Plan, error) {
	build := d.Build
	d.Build = func(ctx context.Context, a config.Answers) (*plan.Plan, error) {
		*o.answers = a
		return build(ctx, a)
	}
	*o.dialog = d
	p, err := o.Frontend.Decide(ctx, d)
	if err == nil && !o.goOn {
		return nil, errConfirmed
	}
	return p, err
}

var errConfirmed = errors.New("confirmed; that is enough")

// TestTypedIsKickstart: what is typed on the pages, written as a kickstart and read again, is the same
// and makes the same plan, byte for byte.
func TestTypedIsKickstart(t *testing.T) {
	for name, tt := range map[string]struct {
		kickstart string
		typed     map[string][]string
		want      []string // in the kickstart
	}{
		"as little as can be": {"", nil, []string{"rootpw --iscrypted $y$", "--hostname=engine", "reboot --eject"}},
		"users": {"", map[string][]string{
			"The root account": {"locked"}, "Root password": nil, "SSH key of root": {keyOfRoot},
			"a add": {"a"}, "e and a number: change; a add": {"a", "e 2", "d 3", ""}, "e and a number": {"a", ""},
			"Full name": {"Ada L", "Bob", "Robert"}, "Login name": {"ada", "bob", ""}, "Administrator": {"", "", "yes"},
			"Password": {"secret-ada", "secret-bob", ""}, "The same again": {"secret-ada", "secret-bob", ""}, "SSH key": {keyOfAda, "", ""},
		}, []string{"rootpw --lock", "--name=ada", "--name=bob", `--gecos=Robert`, "sshkey --username=ada", "sshkey --username=root", "--groups=sudo"}},
		"software": {"", map[string][]string{
			"Kind of system": {"server"}, "Numbers to choose": {"2", "", "1", ""}, "a search and add": {"a"}, "Search for": {"emacs", "<", "vim"},
			"Work out exactly": {"yes"},
		}, []string{"@^server", "@web", "\nvim\n"}},
		"disks": {"", map[string][]string{
			"Made of": {"lvm"}, "File system [": {"xfs"}, "A file system of its own for /home": {"no"}, "Encrypt it": {"yes"},
			"Passphrase": {"correct horse battery staple"}, "The same again": {"correct horse battery staple", rootPassword},
		}, []string{"autopart --type=lvm --fstype=xfs --nohome", "--encrypted --passphrase="}},
		"place": {"", map[string][]string{
			"Language": {"it_IT.UTF-8"}, "Keyboard": {"French", "fr"}, "Time zone": {"New_York", "1"}, "The machine's own clock": {"no"},
		}, []string{"lang it_IT.UTF-8", "--xlayouts=fr", "America/New_York\n"}},
		"after a kickstart": {"lang nl_NL.UTF-8 --addsupport=fr_FR.UTF-8\nkeyboard --xlayouts='de (neo)'\ntimesource --ntp-server=ntp.example.org\nselinux --disabled\n" +
			"user --name=given --groups=staff --shell=/bin/dash --iscrypted --password=$y$j9T$a$b\nsshkey --username=given \"" + keyOfAda + "\"\nsshkey --username=given \"" + keyOfRoot + "\"\n" +
			"services --enabled=ssh\n%packages --excludedocs\n@tools\nvim-*\n-nano\n%end\n",
			map[string][]string{"Root password": nil, "The root account": nil}, []string{"--addsupport=fr_FR.UTF-8", "--shell=/bin/dash", "vim-*", "-nano", "--excludedocs", "ntp.example.org"}},
	} {
		t.Run(name, func(t *testing.T) {
			a, d := typedAnswers(t, tt.kickstart, tt.typed)
			written := kickstart.Write(a)
			for _, want := range tt.want {
				if !strings.Contains(string(written), want) {
					t.Errorf("no %q in\n%s", want, written)
				}
			}
			again, diags := kickstart.Parse("written.ks", written, kickstart.Options{})
			if err := diags.Err(); err != nil {
				t.Fatalf("%v, in\n%s", err, written)
			}
			if diff := cmp.Diff(a, again, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(config.Script{}, "Origin")); diff != "" {
				t.Errorf("the answers (-typed +read):\n%s", diff)
			}
			if diff := cmp.Diff(planned(t, a, d), planned(t, again, d)); diff != "" {
				t.Errorf("the plan (-typed +read):\n%s", diff)
			}
		})
	}
}

// typedAnswers has everything typed, up to the confirmation.
func typedAnswers(t *testing.T, given string, typed map[string][]string) (config.Answers, stage2.Dialog) {
	t.Helper()
	b := newBench(t, given, "")
	b.installer.Payload = func(context.Context, stage2.Setup) (payload.Payload, error) { return choosable{}, nil }
	replies := whole()
	replies["The number of what is to be done"] = []string{"1"}
	maps.Copy(replies, typed)
	p := newTypist(replies)
	var a config.Answers
	var d stage2.Dialog
	b.installer.Frontend = func(s stage2.Setup) (stage2.Frontend, error) {
		return observed{stage2.PlainOn(s, p, p), &a, &d, false}, nil
	}
	if err := b.installer.Run(t.Context()); !errors.Is(err, errConfirmed) {
		t.Fatalf("%v, after\n%s", err, p.text())
	}
	return a, d
}

// planned is the plan as JSON, with numbers for UUIDs.
func planned(t *testing.T, a config.Answers, d stage2.Dialog) string {
	t.Helper()
	sel, err := d.Resolve(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ids := func() string { n++; return fmt.Sprintf("00000000-0000-4000-8000-%012x", n) }
	p, err := plan.Build(plan.Input{Answers: a, Machine: d.Machine, Selection: sel, Handoff: d.Record, IDs: ids})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
