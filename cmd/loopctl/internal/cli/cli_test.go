package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// seen is what a run of the table below has been given.
type seen struct {
	Loud  bool
	Name  string
	Mode  string
	After time.Duration
	Args  []string
}

// table is a program with one option of each sort.
func table(got *seen) Program {
	return Program{Name: "prog", Summary: "do things - quickly", Version: "v1", Date: "2026-01-02", About: "prog does things.", Commands: []Command{{
		Name: "do", Summary: "do a thing", Args: []Arg{{Name: "FILE", Offers: Offers{Files: true}}, {Name: "MORE", Optional: true, Repeated: true}},
		Options: []Option{
			Switch(&got.Loud, "loud", "l", "say more"),
			Text(&got.Name, "name", "n", "NAME", "the 'name' of it"),
			{Long: "mode", Arg: "on|off", Bare: "on", About: "a mode", Offers: Offers{Words: []string{"on", "off"}}, Set: func(s string) error {
				got.Mode = s
				return nil
			}},
			Time(&got.After, "after", "when"),
		},
		Run: func(_ context.Context, args []string, _ Streams) error {
			got.Args = args
			if got.Name == "bad" {
				return &UsageError{Text: "bad name"}
			}
			return nil
		},
	}}}
}

func TestParsing(t *testing.T) {
	for _, tc := range []struct {
		line string
		want seen
	}{
		{"do f", seen{Args: []string{"f"}}},
		{"do -l f g h", seen{Loud: true, Args: []string{"f", "g", "h"}}},
		{"do -lnX f", seen{Loud: true, Name: "X", Args: []string{"f"}}},
		{"do -n X f", seen{Name: "X", Args: []string{"f"}}},
		{"do --name=X f --loud", seen{Name: "X", Loud: true, Args: []string{"f"}}},
		{"do f --name X g", seen{Name: "X", Args: []string{"f", "g"}}},
		{"do --loud -- -n", seen{Loud: true, Args: []string{"-n"}}},
		{"do --mode off", seen{Mode: "on", Args: []string{"off"}}},
		{"do --mode=off f", seen{Mode: "off", Args: []string{"f"}}},
		{"do --after 1m30s -", seen{After: 90 * time.Second, Args: []string{"-"}}},
	} {
		var got seen
		if err := table(&got).Run(t.Context(), strings.Fields(tc.line), Streams{}); err != nil {
			t.Errorf("%s: %v", tc.line, err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tc.line, diff)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	for _, tc := range []struct{ line, text, help string }{
		{"", "no command given", "prog help"},
		{"du", `there is no command "du"; did you mean "do"?`, "prog help"},
		{"xyzzy", `there is no command "xyzzy"`, "prog help"},
		{"do", "do: takes FILE [MORE]..., not 0 arguments", "prog help do"},
		{"do --luod f", `do: there is no option --luod; did you mean "--loud"?`, "prog help do"},
		{"do -x f", "do: there is no option -x", "prog help do"},
		{"do f --name", "do: --name needs a value, NAME", "prog help do"},
		{"do --loud=perhaps f", "do: --loud perhaps: it takes no value", "prog help do"},
		{"do --after never f", `do: --after never: time: invalid duration "never"`, "prog help do"},
		{"do --name bad f", "do: bad name", "prog help do"},
		{"help du", `there is no command "du"; did you mean "do"?`, "prog help"},
		{"completion ksh", `completion: "ksh" is none of bash, fish, zsh`, "prog help completion"},
		{"completion", "completion: takes SHELL, not 0 arguments", "prog help completion"},
		{"man x", "man: takes no arguments, not 1 argument", "prog help man"},
	} {
		err := table(new(seen)).Run(t.Context(), strings.Fields(tc.line), Streams{})
		var usage *UsageError
		if !errors.As(err, &usage) || usage.Text != tc.text || usage.Help != tc.help {
			t.Errorf("%q: %#v", tc.line, err)
		}
	}
}

func output(t *testing.T, line string) string {
	t.Helper()
	var out bytes.Buffer
	if err := table(new(seen)).Run(t.Context(), strings.Fields(line), Streams{Out: &out}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestHelp(t *testing.T) {
	want := `Usage: prog do [OPTION]... FILE [MORE]...

Do a thing.

Options:
  -l, --loud                say more
  -n, --name NAME           the 'name' of it
      --mode[=on|off]       a mode
      --after TIME          when
  -h, --help                print this
`
	for _, line := range []string{"help do", "do --help", "do -h f", "do --loud --help"} {
		if diff := cmp.Diff(want, output(t, line)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", line, diff)
		}
	}
	if output(t, "help") != output(t, "--help") || output(t, "-V") != "prog v1\n" {
		t.Error("help or version differ by how they are asked for")
	}
}

func TestFill(t *testing.T) {
	long := strings.Repeat("word ", 40)
	for line := range strings.Lines(fill(long, "    ")) {
		if len(line) > helpWidth || !strings.HasPrefix(line, "    word") || strings.HasSuffix(line, " \n") {
			t.Errorf("%q", line)
		}
	}
	if got := fill("a\n\n  b\n  c  d\n\ne", ""); got != "a\n\n  b\n  c  d\n\ne\n" {
		t.Errorf("%q", got)
	}
}

func TestRoff(t *testing.T) {
	var r roff
	r.text("'quoted' `x` \\n a-b\n\n  .SH kept\n  'too")
	want := "\\(aqquoted\\(aq \\(gax\\(ga \\en a\\-b\n.PP\n.in +2n\n.nf\n\\&.SH kept\n\\(aqtoo\n.fi\n.in\n"
	if diff := cmp.Diff(want, r.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
