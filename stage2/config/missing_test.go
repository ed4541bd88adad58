package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func complete() Answers {
	return Answers{
		Language: "en_US.UTF-8",
		Keyboard: Keyboard{Layout: "us"},
		Timezone: Timezone{Zone: "UTC"},
		Root:     Login{Hash: "$y$x", Set: true},
		Storage:  Storage{Auto: &Autopart{}},
	}
}

func TestMissing(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Answers)
		want   []string
	}{
		{"complete", func(*Answers) {}, nil},
		{"nothing", func(a *Answers) { *a = Answers{} }, []string{"lang", "keyboard", "timezone", "rootpw or user", "autopart or part"}},
		{"root locked", func(a *Answers) { a.Root.Locked = true }, []string{"rootpw or user"}},
		{"root's password never right", func(a *Answers) { a.Root.Hash = "*" }, []string{"rootpw or user"}},
		{"a user instead", func(a *Answers) {
			a.Root = Login{Locked: true, Set: true}
			a.Users = []User{{Name: "ada", Login: Login{Hash: "$y$x", Set: true}}}
		}, nil},
		{"a key instead", func(a *Answers) {
			a.Root = Login{}
			a.SSHKeys = []SSHKey{{User: "root", Key: "ssh-ed25519 AAAA"}}
		}, nil},
		{"partitions without a root", func(a *Answers) {
			a.Storage = Storage{Partitions: []Partition{{Mount: "swap"}}}
		}, []string{"autopart or part"}},
		{"a root on a logical volume", func(a *Answers) {
			a.Storage = Storage{Logicals: []Logical{{Mount: "/"}}}
		}, nil},
		{"a root that is there already", func(a *Answers) {
			a.Storage = Storage{Mounts: []MountPoint{{Device: "/dev/vda1", Mount: "/"}}}
		}, nil},
		{"encrypted without passphrases", func(a *Answers) {
			a.Storage.Auto.LUKS = &LUKS{}
			a.Storage.Partitions = []Partition{{Mount: "/home", Format: Format{LUKS: &LUKS{Passphrase: "x"}}}}
			a.Storage.Arrays = []Array{{Mount: "/srv", Format: Format{LUKS: &LUKS{}}}}
			a.Storage.Logicals = []Logical{{Mount: "/var", Format: Format{LUKS: &LUKS{}}}}
		}, []string{"--passphrase", "--passphrase", "--passphrase"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := complete()
			tt.change(&a)
			var got []string
			for _, g := range a.Missing() {
				got = append(got, g.Command)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("commands that are missing (-want +got):\n%s", diff)
			}
		})
	}
}
