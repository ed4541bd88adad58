package stage2_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/molt-installer/molt/stage2"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/plan"
)

// TestTypedIsKept: the installed system has what was typed as a kickstart that can be used as it is, with the
// hash of the password; not when inst.nosave= says so.
func TestTypedIsKept(t *testing.T) {
	for commandLine, kept := range map[string]bool{"": true, "inst.nosave=input_ks,logs": true, "inst.nosave=output_ks": false, "inst.nosave=all_ks": false, "inst.nosave=all": false} {
		b := newBench(t, "", commandLine)
		replies := whole()
		replies["The number of what is to be done"] = []string{"1"}
		p := newTypist(replies)
		var a config.Answers
		var d stage2.Dialog
		b.installer.Frontend = func(s stage2.Setup) (stage2.Frontend, error) {
			return observed{stage2.PlainOn(s, p, p), &a, &d, true}, nil
		}
		if err := b.installer.Run(t.Context()); err != nil {
			t.Fatalf("%v, after\n%s", err, p.text())
		}
		text, there := b.host.File(plan.Target + plan.LogDir + "/installed.ks")
		if there != kept {
			t.Errorf("%q: kept: %v", commandLine, there)
		}
		if !kept {
			continue
		}
		again, diags := kickstart.Parse("installed.ks", []byte(text), kickstart.Options{})
		if err := diags.Err(); err != nil {
			t.Fatalf("%v, in\n%s", err, text)
		}
		if diff := cmp.Diff(a, again, cmpopts.EquateEmpty()); diff != "" || !strings.Contains(text, "$y$") || strings.Contains(text, rootPassword) {
			t.Errorf("kept was\n%s\n(-typed +kept):\n%s", text, diff)
		}
	}
}
