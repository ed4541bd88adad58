package kickstart

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/molt-installer/molt/stage2/config"
)

// sameAnswers leaves out where a script came from: that changes with the file.
func sameAnswers() cmp.Options {
	return cmp.Options{cmpopts.IgnoreFields(config.Script{}, "Origin"), cmpopts.EquateEmpty()}
}

// roundTrip checks that a file made of answers says the same.
func roundTrip(t *testing.T, a config.Answers) {
	t.Helper()
	written := Write(a)
	again, diags := Parse("written.ks", written, Options{})
	if err := diags.Err(); err != nil {
		t.Fatalf("%v, in\n%s", err, written)
	}
	if diff := cmp.Diff(a, again, sameAnswers()); diff != "" {
		t.Fatalf("%s\n(-answers +read again):\n%s", written, diff)
	}
}

func TestWriteEmpty(t *testing.T) { roundTrip(t, config.Answers{}) }

// TestWriteScreens: answers as the screens make them, which no file has shaped.
func TestWriteScreens(t *testing.T) {
	ten := 10
	roundTrip(t, config.Answers{
		Language: "en_US.UTF-8", Hostname: "debian", Source: config.Source{Kind: "cdrom"}, Display: "text",
		Keyboard: config.Keyboard{Layout: "de", Variant: "neo"},
		Timezone: config.Timezone{Zone: "Etc/GMT+5", UTC: true},
		Network:  []config.Network{{Device: "link", Method: "dhcp", OnBoot: true}, {Device: "ens3"}},
		Root:     config.Login{Locked: true, Set: true},
		Users:    []config.User{{Name: "ada", Gecos: `Ada "L" \ #1`, Groups: []string{"sudo"}, Login: config.Login{Hash: "$y$j9T$a$b", Set: true}}},
		Storage: config.Storage{Zerombr: true, Clear: config.Clear{Mode: "all", Drives: []string{"vda"}, InitLabel: true},
			Auto: &config.Autopart{}},
		Boot:     config.Bootloader{Append: "console=ttyS0 'x'", Timeout: &ten},
		Software: config.Software{Groups: []string{"tools"}},
		Scripts:  []config.Script{{Kind: config.Post, Body: "true\n", Log: "/root/a b.log"}},
		End:      config.End{Action: "reboot", Eject: true},
	})
}

func seeds(f *testing.F) {
	for _, v := range verdicts(f) {
		f.Add([]byte(v.Input))
	}
	files, _ := filepath.Glob("testdata/*/*.ks")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("%include x\n%pre\n%include y\n%end\n"))
}

// FuzzParse: any bytes give answers or errors, and answers without errors are the
// same after being written.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		o := Options{Include: func(string) ([]byte, error) { return data, nil }}
		Parse("ks.cfg", data, o)
		PreScripts("ks.cfg", data, o)
		if a, diags := Parse("ks.cfg", data, Options{}); diags.Err() == nil {
			roundTrip(t, a)
		}
	})
}

// BenchmarkParse has a budget of 5 ms a file.
func BenchmarkParse(b *testing.B) {
	data, err := os.ReadFile("testdata/good/server.ks")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		Parse("server.ks", data, Options{})
	}
}
