package mounts

import "testing"

func TestUnescape(t *testing.T) {
	for field, want := range map[string]string{
		"/mnt": "/mnt", `/a\040b\011c\012d\134e\043`: "/a b\tc\nd\\e#", `\04`: `\04`, `\999`: `\999`, `end\`: `end\`, "": "",
	} {
		if got := Unescape(field); got != want {
			t.Errorf("%q: %q, want %q", field, got, want)
		}
	}
}
