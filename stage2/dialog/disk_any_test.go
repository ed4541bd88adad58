package dialog_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/kickstart"
)

// anyValue is what somebody could type.
func anyValue(r *rand.Rand, key string) string {
	all := map[string][]string{
		"size": {"", "1 GiB", "20 GiB", "512 MiB", "9 TiB", "x", "-1", "1e9 GiB"}, "smaller": {"", "6 GiB", "900 GiB", "zwei"},
		"mount": {"", "/", "/boot", "/home", "srv", "/a b", "/\x1b[2J"}, "name": {"", "root", "vg0", "boot", "a/b", "snapshot"}, "spares": {"0", "1", "-1", "x"},
		"label": {"", "data", "äöü", strings.Repeat("l", 300)}, "pass": {"", "secret words"}, "pass2": {"", "secret words"},
	}[key]
	if len(all) == 0 {
		return "/"
	}
	return all[r.IntN(len(all))]
}

// poke changes a random field of the page, or does a random thing with a row.
func (d *diskTalk) poke(r *rand.Rand) {
	fields := d.fields()
	switch f := fields[r.IntN(len(fields))].(type) {
	case dialog.Text:
		*f.Value = anyValue(r, f.Key)
		if f.Check != nil {
			_ = f.Check(*f.Value)
		}
		if f.Remark != nil {
			f.Remark(*f.Value)
		}
	case dialog.Choice:
		*f.Value = f.Options[r.IntN(len(f.Options))].Value
	case dialog.Yes:
		*f.Value = r.IntN(2) == 0
	case dialog.Marks:
		var chosen []string
		for _, o := range f.Options {
			if r.IntN(2) == 0 {
				chosen = append(chosen, o.Value)
			}
		}
		*f.Values = chosen
	case dialog.Table:
		row := ""
		if len(f.Rows) > 0 {
			row = f.Rows[r.IntN(len(f.Rows))].Key
		}
		if p, err := f.Actions[r.IntN(len(f.Actions))].Do(context.Background(), row); err == nil && p != nil {
			d.pages = append(d.pages, *p)
		}
	}
}

// TestAnyDestination: whatever is typed in whatever order, nothing panics, what is taken is something that
// a kickstart can say, and no passphrase is shown.
func TestAnyDestination(t *testing.T) {
	left := 0
	for _, name := range []string{"lvm-uefi", "raid-bios", "server-64g", "two-disks", "uefi-btrfs", "windows-mbr", "no-network"} {
		m := recordedMachine(t, name)
		for seed := range uint64(6) {
			r, d := rand.New(rand.NewPCG(seed, 11)), destination(t, m, config.Answers{})
			if seed%2 == 0 {
				d.set("way", "manual")
			}
			for range 80 {
				d.poke(r)
				switch r.IntN(8) {
				case 0, 1:
					if d.leave() == nil {
						left++
					}
				case 2:
					d.pages = d.pages[:max(1, len(d.pages)-1)] // Esc
				}
				if text := fmt.Sprint(d.shown(), d.s.Summary()); strings.Contains(text, "secret words") {
					t.Fatalf("%s, %d: the passphrase is shown:\n%s", name, seed, text)
				}
			}
			d.pages = d.pages[:1]
			a, err := d.s.Answers()
			if err != nil {
				continue
			}
			text := kickstart.Write(config.Answers{Storage: a.Storage})
			if _, diags := kickstart.Parse("ks.cfg", text, kickstart.Options{}); diags.Err() != nil && d.leave() == nil {
				t.Fatalf("%s, %d: %v\n%s", name, seed, diags.Err(), text)
			}
		}
	}
	if left < 20 {
		t.Errorf("pages were left %d times only", left)
	}
	t.Log(left)
}

// TestHelp: every page of the destination says what it is for.
func TestDestinationHelp(t *testing.T) {
	d := destination(t, recordedMachine(t, "lvm-uefi"), config.Answers{})
	d.set("way", "manual")
	rows := d.fields()[1].(dialog.Table).Rows
	for _, row := range rows {
		d.pages = d.pages[:1]
		if err := d.do("e", row.Key); err != nil {
			t.Errorf("%s: %v", row.Key, err)
		}
		p := d.page()
		if p.Help == "" || p.Title == "" || len(d.fields()) < 2 || len(d.pages) != 2 {
			t.Errorf("%s: page %q with %d fields", row.Key, p.Title, len(d.fields()))
		}
		keys := map[string]bool{}
		for _, f := range d.fields() {
			if text, ok := f.(dialog.Text); ok {
				if keys[text.Key] {
					t.Errorf("%s: two fields are %q", p.ID, text.Key)
				}
				keys[text.Key] = true
			}
		}
	}
	if !slices.ContainsFunc(rows, func(r dialog.Row) bool { return strings.HasPrefix(r.Key, "free:") }) {
		t.Error("there is no free room in the table")
	}
}
