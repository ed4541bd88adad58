package media

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseDiscInfo(t *testing.T) {
	debian := DiscInfo{ID: "9c1f", Release: "Debian 13", Arch: "amd64", Discs: []int{2}}
	tests := []struct {
		name, in string
		want     DiscInfo
		fails    string
	}{
		{"as written", "9c1f\nDebian 13\namd64\n2\n", debian, ""},
		{"CRLF and blank lines", "9c1f\r\nDebian 13\r\namd64\r\n2\r\n\r\n", debian, ""},
		{"no newline at the end", "9c1f\nDebian 13\namd64\n2", debian, ""},
		{"several discs", "x\ny\nz\n1,2,10\n", DiscInfo{"x", "y", "z", []int{1, 2, 10}}, ""},
		{"all discs", "x\ny\nz\nALL\n", DiscInfo{"x", "y", "z", nil}, ""},
		{"empty", "", DiscInfo{}, "line 1: no set id"},
		{"three lines", "1713372000.1\n40\nx86_64\n", DiscInfo{}, "line 4: no disc numbers"},
		{"blank line", "x\n\nz\n1\n", DiscInfo{}, "line 2"},
		{"five lines", "x\ny\nz\n1\nbase\n", DiscInfo{}, "line 5"},
		{"no number", "x\ny\nz\none\n", DiscInfo{}, `line 4: "one"`},
		{"zero", "x\ny\nz\n0\n", DiscInfo{}, "line 4"},
		{"sign", "x\ny\nz\n+1\n", DiscInfo{}, "line 4"},
		{"spaces", "x\ny\nz\n1, 2\n", DiscInfo{}, "line 4"},
		{"empty number", "x\ny\nz\n1,,2\n", DiscInfo{}, "line 4"},
		{"twice", "x\ny\nz\n1,1\n", DiscInfo{}, "disc 1 is there twice"},
		{"control character", "x\ny\x1b[2J\nz\n1\n", DiscInfo{}, "line 2: has a control character"},
		{"not text", "\xff\xfe\n", DiscInfo{}, "not UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseDiscInfo([]byte(tt.in))
			checkError(t, err, tt.fails)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// checkError checks that err has the words, or is nil when there are none.
func checkError(t *testing.T, err error, words string) {
	t.Helper()
	switch {
	case err == nil && words != "":
		t.Errorf("no error, want one with %q", words)
	case err != nil && (words == "" || !strings.Contains(err.Error(), words)):
		t.Errorf("error %q, want %q", err, words)
	}
}

func TestDiscInfoString(t *testing.T) {
	d := DiscInfo{"9c1f", "Debian 13", "amd64", []int{1, 2}}
	if got, want := d.String(), "9c1f\nDebian 13\namd64\n1,2\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDiscExplain(t *testing.T) {
	set := Set{ID: "9c1f", Product: "Debian", Version: "13", Arch: "amd64", Discs: 3}
	known := func(id, arch string, n int) Disc {
		return Disc{State: Known, Info: DiscInfo{id, "Debian 13", arch, []int{n}}}
	}
	tests := []struct {
		disc  Disc
		is    bool
		words string
	}{
		{known("9c1f", "amd64", 2), true, "disc 2 of Debian 13"},
		{known("9c1f", "amd64", 1), false, "disc 1 of Debian 13"},
		{known("ffff", "amd64", 2), false, "another set"},
		{known("9c1f", "arm64", 2), false, "for arm64"},
		{Disc{State: Foreign, Label: "MUSIC"}, false, `"MUSIC"`},
		{Disc{State: NoDisc}, false, "no disc"},
		{Disc{State: TrayOpen}, false, "tray is open"},
		{Disc{State: Unreadable, Cause: "input/output error"}, false, "can't be read: input"},
	}
	for _, tt := range tests {
		if is := tt.disc.Is(set, 2); is != tt.is {
			t.Errorf("Is(%+v) = %v", tt.disc, is)
		}
		if got := tt.disc.Explain(set, 2); !strings.Contains(got, tt.words) {
			t.Errorf("Explain: %q, want %q", got, tt.words)
		}
	}
}

func FuzzDiscInfo(f *testing.F) {
	f.Add([]byte("9c1f\nDebian 13\namd64\n2\n"))
	f.Add([]byte("x\r\ny\r\nz\r\nALL\r\n\r\n"))
	f.Add([]byte("x\ny\nz\n1,2,3"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ParseDiscInfo(data)
		if err != nil {
			return
		}
		again, err := ParseDiscInfo([]byte(d.String()))
		if err != nil {
			t.Fatalf("%q: %v", d.String(), err)
		}
		if diff := cmp.Diff(d, again); diff != "" {
			t.Error(diff)
		}
	})
}
