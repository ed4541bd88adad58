package stage2

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/molt-installer/molt/stage2/machine"
)

// TestLookedAgain: plans are made for the machine that was found last; when it can't be
// looked at, what was found before holds.
func TestLookedAgain(t *testing.T) {
	var fail error
	disks := []machine.Disk{{Path: "/dev/vda"}}
	l := &looked{found: machine.Machine{Memory: 1}, probe: func(context.Context) (machine.Machine, error) { return machine.Machine{Disks: disks}, fail }}
	if l.now().Memory != 1 {
		t.Errorf("before: %+v", l.now())
	}
	if m, err := l.again(t.Context()); err != nil || len(m.Disks) != 1 || len(l.now().Disks) != 1 {
		t.Errorf("after: %+v, %v", m, err)
	}
	fail, disks = errors.New("no such device"), nil
	if m, err := l.again(t.Context()); err == nil || !strings.Contains(err.Error(), "no such device") || len(m.Disks) != 1 || len(l.now().Disks) != 1 {
		t.Errorf("failed: %+v, %v", m, err)
	}
}
