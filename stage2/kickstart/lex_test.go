package kickstart

import "testing"

func TestQuote(t *testing.T) {
	for _, s := range []string{"", "a", "a b", `a"b\c'd`, "$y$j9T$x", "ä#", "\\", "a\rb"} {
		words, _, err := lex([]byte(quote(s)), 0)
		if err != nil || len(words) != 1 || words[0].text != s {
			t.Errorf("%q is quoted as %s and read as %v, %v", s, quote(s), words, err)
		}
	}
}

func TestHint(t *testing.T) {
	tests := []struct{ written, want string }{
		{"lagn", "; did you mean lang?"}, {"keybord", "; did you mean keyboard?"}, {"x", ""}, {"quark", ""},
	}
	for _, tt := range tests {
		if got := hint(tt.written, "", []string{"lang", "keyboard", "part"}); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.written, got, tt.want)
		}
	}
}
