package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/cmd/loopctl/internal/cli"
)

// written is what a command line writes.
func written(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, code := try(t, args...)
	if code != 0 || errs != "" {
		t.Fatal(args, code, errs)
	}
	return out
}

// names are an option's, with dashes.
func names(o cli.Option) []string {
	all := []string{"--" + o.Long}
	if o.Short != "" {
		all = append(all, "-"+o.Short)
	}
	return all
}

// TestEverythingIsExplained: no option is in one text and not in the other.
func TestEverythingIsExplained(t *testing.T) {
	p, overview, man := program(), written(t, "help"), written(t, "man")
	man = strings.NewReplacer(`\-`, "-", `\fB`, "", `\fR`, "", `\fI`, "").Replace(man)
	for _, c := range p.Commands {
		if !strings.Contains(overview, "\n  "+c.Name+" ") || !strings.Contains(man, `.SS "loopctl `+c.Name+" ") {
			t.Errorf("%s is missing", c.Name)
		}
		help := written(t, "help", c.Name)
		if help != written(t, c.Name, "--help") {
			t.Errorf("%s: help differs from --help", c.Name)
		}
		_, section, _ := strings.Cut(man, `.SS "loopctl `+c.Name+" ")
		section, _, _ = strings.Cut(section, "\n.S")
		for _, o := range c.Options {
			for _, name := range names(o) {
				if !strings.Contains(help, name) || !strings.Contains(section, name) {
					t.Errorf("%s %s isn't explained", c.Name, name)
				}
			}
		}
	}
	for _, s := range p.Statuses {
		flat := strings.Join(strings.Fields(overview), " ")
		if !strings.Contains(flat, s.Meaning) || !strings.Contains(man, s.Meaning) {
			t.Errorf("exit status %d isn't explained", s.Code)
		}
	}
	for line := range strings.Lines(overview) {
		if len(line) > 81 {
			t.Errorf("too long for a terminal: %q", line)
		}
	}
}

// TestManualPage: no complaint by those who read it.
func TestManualPage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "loopctl.8")
	if err := os.WriteFile(page, []byte(written(t, "man")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"man", "--warnings", "-l", page},
		{"groff", "-man", "-ww", "-Tutf8", "-z", page},
		{"mandoc", "-Tlint", "-Wwarning", page},
	} {
		t.Run(args[0], func(t *testing.T) {
			cmd := exec.Command(args[0], args[1:]...)
			if cmd.Err != nil {
				t.Skip(cmd.Err)
			}
			cmd.Env = append(os.Environ(), "MANWIDTH=80", "LC_ALL=C.UTF-8", "PAGER=cat")
			var out, errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errs
			if err := cmd.Run(); err != nil || errs.Len() > 0 || args[0] == "mandoc" && out.Len() > 0 {
				t.Errorf("%v: %s%s", err, out.String(), errs.String())
			}
			if args[0] == "man" && !strings.Contains(out.String(), "loopctl switch") {
				t.Error("the page is empty: is this man's pages left out of the system?", out.String())
			}
		})
	}
}

// completer asks a shell what it completes a line with.
type completer struct {
	shell  string
	script string // sees the line as $1, the script's file as $2
}

func completers() []completer {
	return []completer{
		{"bash", `source "$2"
			compopt() { :; }
			COMP_WORDS=($1); [[ $1 == *' ' ]] && COMP_WORDS+=('')
			COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
			_loopctl; printf '%s\n' "${COMPREPLY[@]}"`},
		{"fish", `source $argv[2]; complete -C $argv[1] | cut -f1`},
	}
}

func (c completer) complete(t *testing.T, line string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "completion")
	if err := os.WriteFile(file, []byte(written(t, "completion", c.shell)), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-c", c.script, line, file}
	if c.shell == "bash" {
		args = []string{"--norc", "-c", c.script, "bash", line, file}
	}
	cmd := exec.Command(c.shell, args...)
	if cmd.Err != nil {
		t.Skip(cmd.Err)
	}
	cmd.Env = shellEnv(t)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("%s: %v: %s", c.shell, err, errs.String())
	}
	return strings.Fields(string(out))
}

// shellEnv has a loopctl that knows one device.
func shellEnv(t *testing.T) []string {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "loopctl"), []byte("#!/bin/sh\necho /dev/loop77\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "HOME="+t.TempDir(), "PATH="+bin+":"+os.Getenv("PATH"))
}

// TestZshCompletion types a line and Tab into a zsh, and waits until everything is on
// the screen.
func TestZshCompletion(t *testing.T) {
	if _, err := exec.LookPath("zsh"); err != nil {
		t.Skip(err)
	}
	script := filepath.Join(t.TempDir(), "_loopctl")
	if err := os.WriteFile(script, []byte(written(t, "completion", "zsh")), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := map[string][]string{"loopctl ": {"watch", "completion"}, "loopctl switch ": {"loop77"}, "loopctl list -O BACK-F": {"BACK-FILE"}}
	for _, c := range program().Commands {
		for _, o := range c.Options {
			lines["loopctl "+c.Name+" -"] = append(lines["loopctl "+c.Name+" -"], names(o)...)
		}
	}
	tty, screen := startZsh(t, script)
	for line, want := range lines {
		screen.clear()
		fmt.Fprint(tty, line+"\t\t")
		for _, w := range want {
			if !screen.wait(w) {
				t.Errorf("%q: %s isn't offered: %s", line, w, screen)
			}
		}
		screen.clear()
		fmt.Fprint(tty, "\x15echo do''ne\n") // the line is thrown away
		if !screen.wait("done\r\n") {
			t.Fatalf("zsh doesn't go on: %q", screen)
		}
	}
}

func startZsh(t *testing.T, script string) (*os.File, *transcript) {
	t.Helper()
	cmd := exec.Command("zsh", "-f", "-i")
	cmd.Env = append(shellEnv(t), "TERM=dumb", "PS1=> ")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 200, Cols: 200})
	if err != nil {
		t.Fatal(err)
	}
	screen, read := &transcript{}, make(chan struct{})
	go func() {
		io.Copy(screen, tty) // until the terminal has no other end any more
		close(read)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		tty.Close()
		<-read
	})
	fmt.Fprintf(tty, "autoload -Uz compinit; compinit -u -D; setopt nolistambiguous; LISTMAX=999; source %s; print rea''dy\n", script)
	if !screen.wait("ready\r\n") {
		t.Fatalf("zsh doesn't come up: %q", screen)
	}
	return tty, screen
}

// transcript is what a program has written so far.
type transcript struct {
	mu   sync.Mutex
	b    bytes.Buffer
	more chan struct{}
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
	return s.b.Write(p)
}

func (s *transcript) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Reset()
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// wait waits for a text, a while.
func (s *transcript) wait(text string) bool {
	patience := time.NewTimer(20 * time.Second)
	defer patience.Stop()
	for {
		s.mu.Lock()
		if strings.Contains(s.b.String(), text) {
			s.mu.Unlock()
			return true
		}
		if s.more == nil {
			s.more = make(chan struct{})
		}
		more := s.more
		s.mu.Unlock()
		select {
		case <-more:
		case <-patience.C:
			return false
		}
	}
}

// TestCompletion asks the real shells.
func TestCompletion(t *testing.T) {
	for _, c := range completers() {
		t.Run(c.shell, func(t *testing.T) {
			for _, cmd := range program().Commands {
				got := map[string]bool{}
				for _, dash := range []string{"-", "--"} {
					for _, word := range c.complete(t, "loopctl "+cmd.Name+" "+dash) {
						got[word] = true
					}
				}
				for _, o := range cmd.Options {
					for _, name := range names(o) {
						if !got[name] {
							t.Errorf("%s %s isn't offered: %v", cmd.Name, name, got)
						}
					}
				}
			}
			for _, tc := range []struct{ line, want string }{
				{"loopctl comp", "completion"},
				{"loopctl completion ", "bash fish zsh"},
				{"loopctl help sw", "switch"},
				{"loopctl info /dev/l", "/dev/loop77"},
				{"loopctl list --output BACK-F", "BACK-FILE"},
				{"loopctl attach --sector-size 5", "512"},
			} {
				if diff := cmp.Diff(tc.want, strings.Join(c.complete(t, tc.line), " ")); diff != "" {
					t.Errorf("%q: (-want +got)\n%s", tc.line, diff)
				}
			}
		})
	}
}
