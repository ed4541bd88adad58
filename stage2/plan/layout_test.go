package plan_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/golden"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan"
)

const machines = "../../examples/machines"

// TestLayouts plays kickstarts on the machines of the examples: the first line of
// testdata/layouts/NAME.ks names one, and NAME.txt is what it will be.
func TestLayouts(t *testing.T) {
	files, err := filepath.Glob("testdata/layouts/*.ks")
	if err != nil || len(files) == 0 {
		t.Fatalf("no layouts: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".ks"), func(t *testing.T) {
			golden.Check(t, strings.TrimSuffix(f, ".ks")+".txt", layoutText(t, f))
		})
	}
}

// rest is what a storage test needs of the other answers.
const rest = "\nlang en_US.UTF-8\nkeyboard us\ntimezone UTC\nrootpw --iscrypted $y$j9T$saltsalt$ROOTHASH\n"

func layoutText(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(data), "\n")
	m, err := machine.Load(filepath.Join(machines, strings.TrimPrefix(first, "# machine: ")+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Drives) == 0 {
		m.Drives = []machine.Drive{{Path: "/dev/sr0"}}
	}
	p, err := plan.Build(input(scenario{Machine: m, Answers: parse(t, file, string(data)+rest)}))
	if err != nil {
		return "PROBLEMS\n" + err.Error() + "\n"
	}
	_, text, _ := strings.Cut(p.Text(), "\n\n")
	text, _, _ = strings.Cut(text, "\nSpace:")
	for _, w := range p.Warnings {
		text += "Mind: " + w + "\n"
	}
	if strings.Contains(p.Text(), "geheim") {
		t.Error("the passphrase is in the plan's text")
	}
	for _, line := range strings.Split(p.Storage(), "\n") {
		if len(line) > 100 || strings.Contains(line, "|") && len(line) != 78 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	return text
}

func parse(t *testing.T, name, text string) config.Answers {
	t.Helper()
	a, d := kickstart.Parse(name, []byte(text), kickstart.Options{})
	if err := d.Err(); err != nil {
		t.Fatalf("%v", err)
	}
	return a
}
