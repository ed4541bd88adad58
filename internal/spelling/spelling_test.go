package spelling

import "testing"

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"lang", "lang", 0},
		{"lnag", "lang", 1},
		{"lange", "lang", 1},
		{"keybord", "keyboard", 1},
		{"part", "parts", 1},
		{"ca", "abc", 3}, // each letter is moved once only
		{"vim", "emacs", 5},
	} {
		for _, pair := range [][2]string{{tt.a, tt.b}, {tt.b, tt.a}} {
			if got := Distance(pair[0], pair[1]); got != tt.want {
				t.Errorf("from %q to %q: %d, want %d", pair[0], pair[1], got, tt.want)
			}
		}
	}
}
