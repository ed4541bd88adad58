package plan

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
)

func TestLogs(t *testing.T) {
	all := []string{"installed.ks", "ks.cfg", "machine.json", "plan.json"}
	for _, tt := range []struct {
		given  string
		nosave []string
		want   []string
	}{
		{"text\n", nil, all},
		{"", nil, []string{"installed.ks", "machine.json", "plan.json"}},
		{"text\n", []string{"input_ks"}, []string{"installed.ks", "machine.json", "plan.json"}},
		{"text\n", []string{"output_ks"}, []string{"ks.cfg", "machine.json", "plan.json"}},
		{"text\n", []string{"all_ks"}, []string{"machine.json", "plan.json"}},
		{"text\n", []string{"logs"}, []string{"installed.ks", "ks.cfg"}},
		{"text\n", []string{"all"}, nil},
	} {
		b := &builder{Input: Input{Kickstart: []byte(tt.given), NoSave: tt.nosave}}
		if diff := cmp.Diff(tt.want, slices.Sorted(maps.Keys(b.logs().files))); diff != "" {
			t.Errorf("%q with inst.nosave=%q: %s", tt.given, tt.nosave, diff)
		}
	}
}

// TestInstalledKickstart: what was answered on the screens can be read again,
// passwords as the hashes they are.
func TestInstalledKickstart(t *testing.T) {
	b := &builder{Input: Input{Answers: config.Answers{
		Language: "de_DE.UTF-8", Hostname: "snake", Root: config.Login{Hash: "$y$j9T$salt$hash", Set: true},
		Users:   []config.User{{Name: "ada", Login: config.Login{Hash: "$y$j9T$other$hash"}}},
		Scripts: []config.Script{{Kind: config.Post, Body: "echo hunter2\n"}},
	}}}
	text := string(b.logs().files["installed.ks"])
	for _, want := range []string{"lang de_DE.UTF-8", "--hostname=snake", "rootpw --iscrypted $y$j9T$salt$hash", "--name=ada", "$y$j9T$other$hash"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "hunter2") {
		t.Errorf("a secret is in\n%s", text)
	}
}
