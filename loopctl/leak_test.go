package loopctl

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// holdings are how many there are of the things that must not leak: loop devices on files of
// these tests, open files of this process and of others on files of these tests, helper
// and child processes.
func holdings() map[string]int {
	held := map[string]int{}
	infos, _ := List()
	for _, info := range infos {
		if ofTests(info.BackingFile) || strings.HasPrefix(info.BackingFile, "/memfd:") {
			held[info.Path]++
		}
	}
	pids, _ := pids()
	for _, pid := range pids {
		for _, link := range descriptors(pid) {
			switch {
			case pid == os.Getpid() && !strings.HasPrefix(link, "anon_inode:"):
				held["descriptor "+link]++
			case pid != os.Getpid() && ofTests(link):
				held[fmt.Sprintf("%s held by %s", link, process{dir: fmt.Sprintf("/proc/%d/", pid)}.command())]++
			}
		}
	}
	tasks, _ := filepath.Glob("/proc/self/task/*/children")
	for _, task := range tasks {
		children, _ := os.ReadFile(task)
		held["child process"] += len(strings.Fields(string(children)))
	}
	return held
}

func ofTests(name string) bool { return strings.HasPrefix(name, os.TempDir()+"/") }

// descriptors are what the descriptors of a process lead to.
func descriptors(pid int) []string {
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	entries, _ := os.ReadDir(dir)
	var links []string
	for _, e := range entries {
		if link, err := os.Readlink(dir + e.Name()); err == nil && !strings.HasSuffix(link, "/fd") {
			links = append(links, link)
		}
	}
	return links
}

// newcomers says what there is more of now.
func newcomers(before, now map[string]int) string {
	var b strings.Builder
	for name, n := range now {
		if n > before[name] {
			fmt.Fprintf(&b, "%d × %s\n", n-before[name], name)
		}
	}
	return b.String()
}

// noLeaks begins a part of a test that must leave nothing behind; the function
// returned ends it. What ends by itself is given time.
func noLeaks(t testing.TB) (ends func()) {
	t.Helper()
	before := holdings()
	return func() {
		t.Helper()
		if left := eventually(func() string { return newcomers(before, holdings()) }); left != "" {
			t.Errorf("left behind:\n%s", left)
		}
	}
}

// TestLeaksShow: the other tests' noLeaks is worth something only if it sees each kind.
func TestLeaksShow(t *testing.T) {
	asRoot(t)
	for name, leak := range map[string]func() (undo func()){
		"descriptor": func() func() { f := file(t, "leaked", nil); return func() { f.Close() } },
		"memfd": func() func() {
			f, err := memoryFile("leaked")
			if err != nil {
				t.Fatal(err)
			}
			return func() { f.Close() }
		},
		"/dev/loop": func() func() {
			d := attach(t, file(t, "img", pattern(4096, 1)), Config{})
			d.f.Close()
			return func() { command(t, "detach", d.Path()) }
		},
		"child process": func() func() {
			cmd := commandLine(t.Context(), t, "watch-nothing")
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd.Path, cmd.Args, cmd.Stdin = "/bin/cat", []string{"cat"}, r
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			return func() { r.Close(); w.Close(); cmd.Wait() }
		},
	} {
		before := holdings()
		undo := leak()
		if got := newcomers(before, holdings()); !strings.Contains(got, name) {
			t.Errorf("a leaked %s doesn't show: %q", name, got)
		}
		undo()
	}
}
