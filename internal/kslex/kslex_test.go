package kslex

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLex(t *testing.T) {
	tests := []struct {
		input string
		want  []string
		rest  string
		err   error
	}{
		{"lang en_US\nnext", []string{"lang", "en_US"}, "next", nil},
		{"  \t\r\nx", nil, "x", nil},
		{"a # b 'c\nx", []string{"a"}, "x", nil},
		{"a#b\n", []string{"a"}, "", nil},
		{`a "b # c" 'd "e'`, []string{"a", "b # c", `d "e`}, "", nil},
		{`--x="a b"'c'\ d`, []string{"--x=a bc d"}, "", nil},
		{`"\"\\\n$" '\'`, []string{`"\\n$`, `\`}, "", nil},
		{"a \\\n b\\\nc\nx", []string{"a", "bc"}, "x", nil},
		{"a \\\r\n b\r\nx", []string{"a", "b"}, "x", nil},
		{"\"a\\\nb\"", []string{"ab"}, "", nil},
		{"# c \\\nx", nil, "x", nil},
		{`a ""`, []string{"a", ""}, "", nil},
		{"a 'b\nx", []string{"a"}, "x", ErrQuote},
		{`a \`, []string{"a"}, "", ErrEscape},
	}
	for _, tt := range tests {
		words, next, err := Line([]byte(tt.input), 0)
		var got []string
		for _, w := range words {
			got = append(got, w.Text)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || err != tt.err || tt.input[next:] != tt.rest {
			t.Errorf("%q: error %v, rest %q, words (-want +got):\n%s", tt.input, err, tt.input[next:], diff)
		}
	}
}
