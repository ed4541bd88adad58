package tiny_test

import (
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// TestPlain installs by plain prompts, line after line, as somebody with a screen reader does.
func TestPlain(t *testing.T) {
	r := vmtest.Begin(t, vmtest.Scenario{Set: "tiny", Append: direct + " inst.text.plain", Timeout: 8 * time.Minute})
	for _, p := range []struct{ asks, answer string }{
		{`Page 1 of [^:]*: Language\n(.*\n)*Language \[.*\]: `, "C.UTF-8"},
		{`Keyboard layout \[.*\]: `, ">"},
		{`Time zone \[.*\]: `, ">"},
		{`Kind of system \[.*\]: `, ""},
		{`1\) \[ \] Data files(.*\n)*Numbers to choose.*: `, "1"},
		{`Chosen: Data files.*\nNumbers to choose.*: `, ">"},
		{`How are the disks to be used \[.*\]: `, ">"},
		{`There is no user yet\.\na add; .*: `, "a"},
		{`Full name: `, "Ada L"},
		{`Login name.*: `, "ada"},
		{`Administrator.*: `, ""},
		{`Password: `, userPassword},
		{`The same again: `, userPassword},
		{`SSH key: `, ""},
		{`1\) ada, Ada L.*\n.*a add; .*: `, ""},
		{`The root account \[.*\]: `, "2"},
		{`Root password: `, rootPassword},
		{`The same again: `, rootPassword},
		{`SSH key of root: `, ""},
		{`Host name \[.*\]: `, "snake"},
		{`\) Host name: snake\n.*Enter shows what will be done: `, ""},
		{`WILL BE ERASED:\n(.*\n)*Type the word yes to do this; Enter goes back: `, "yes"},
	} {
		r.Expect(p.asks)
		r.Type(p.answer + "\r")
	}
	r.Finish()
	r.Expect(`Insert disc 2 of Tiny 1`)
	r.Expect(`The system is installed(.*\n)*2\) Switch off\n(.*\n)*The number of what is to be done: `)
	r.Type("2\r")
	r.PoweredOff(t)
	r.CheckEvents(rootPassword, userPassword)
	r.CheckSaid(rootPassword, userPassword)
	r.CheckShed()
	r.CheckDisk(func(root string) { vmtest.CheckRoot(t, root, rootPassword, userPassword) })
}
