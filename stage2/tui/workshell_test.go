package tui

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// helper is set for this program when it is the one with the terminal.
const helper = "MOLT_TEST_SHELL"

// TestShellForeground: a shell on the terminal that is this process's own, as the console
// is stage 2's, and what is typed after it is this process's again.
func TestShellForeground(t *testing.T) {
	if os.Getenv(helper) != "" {
		err := ShellOn(os.Stdout, os.Environ())(t.Context())
		fmt.Printf("shell: %v\n", err)
		line, err := bufio.NewReader(os.Stdin).ReadString('\n')
		fmt.Printf("then %q, %v\n", line, err)
		return
	}
	far, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	cmd := exec.Command(os.Args[0], "-test.run=TestShellForeground$")
	cmd.Env = append(os.Environ(), helper+"=1", "TERM=vt220", "HOME="+t.TempDir())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	// What is typed is echoed, and is not to be taken for its result.
	steps := []struct{ after, keys string }{
		{"exit comes back", "echo t''wo\r"},
		{"two", "echo lo''op; while :; do :; done\r"},
		{"loop\n", "\x03"},
		{"^C", "echo af''ter\r"},
		{"after\n", "exit 3\r"},
		{"shell: <nil>", "a line\r"},
		{`then "a line\n", <nil>`, ""},
	}
	var seen strings.Builder
	in := bufio.NewReader(far)
	for _, step := range steps {
		for !strings.Contains(strings.ReplaceAll(seen.String(), "\r", ""), step.after) {
			b, err := in.ReadByte()
			if err != nil {
				t.Fatalf("no %q in %q: %v; it ended by %v", step.after, seen.String(), err, cmd.Wait())
			}
			seen.WriteByte(b)
		}
		seen.Reset()
		if _, err := far.WriteString(step.keys); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended by %v: %q", err, seen.String())
	}
}
