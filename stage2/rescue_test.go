package stage2_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload"
)

// mender is a rescue's terminal with a person who looks what is mounted and leaves.
type mender struct {
	bytes.Buffer
	shell func(ctx context.Context) error
}

func (m *mender) ReadLine(context.Context) (string, error) { return "", io.EOF }
func (m *mender) Shell(ctx context.Context) error          { return m.shell(ctx) }

// TestRescue: a shell in place of an installation, whether the boot line or the kickstart asks.
func TestRescue(t *testing.T) {
	tests := map[string]struct {
		kickstart, commandLine string
		mounts                 string // the first, for the shell
		action                 handoff.Action
	}{
		"inst.rescue":             {"", "inst.rescue", "/dev/vda1 on /mnt/sysroot type ext4", handoff.Reboot},
		"rescue":                  {"rescue\n", "", "/dev/vda1 on /mnt/sysroot type ext4", handoff.Reboot},
		"rescue --romount":        {"rescue --romount\npoweroff\n", "", "/dev/vda1 on /mnt/sysroot type ext4 read-only options noload", handoff.Poweroff},
		"rescue --nomount":        {"rescue --nomount\nhalt\n", "", "", handoff.Halt},
		"both, the kickstart how": {"rescue --nomount\n", "inst.rescue", "", handoff.Reboot},
		"of a whole kickstart":    {goodKickstart + "rescue\n", "", "/dev/vda1 on /mnt/sysroot type ext4", handoff.Reboot},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tt.kickstart, "console=ttyS0 "+tt.commandLine)
			b.installer.Payload = func(context.Context, stage2.Setup) (payload.Payload, error) {
				return nil, errors.New("a rescue needs no packages")
			}
			b.installer.Probe = func(context.Context) (machine.Machine, error) {
				b.host.AddFile("/mnt/sysroot/etc/fstab", "UUID=1 / ext4\n")
				return machine.Machine{Disks: []machine.Disk{{Path: "/dev/vda", Parts: []machine.Part{{Path: "/dev/vda1", FSType: "ext4", UUID: "1"}}}}}, nil
			}
			var mounts []string
			b.installer.Rescue = &mender{shell: func(context.Context) error { mounts = b.host.Called("mount "); return nil }}
			if err := b.installer.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if tt.mounts == "" && len(mounts) > 0 || tt.mounts != "" && (len(mounts) < 2 || mounts[1] != "mount "+tt.mounts) {
				t.Errorf("mounts for the shell: %q", mounts)
			}
			if r := b.result(t); r.Action != tt.action || r.Error != "" || len(r.Eject) > 0 {
				t.Errorf("the result is %+v", r)
			}
			if events := b.read(t, "dev/vport1p1"); !strings.Contains(events, `"type":"done"`) || strings.Contains(events, `"type":"plan"`) {
				t.Errorf("the events are %s", events)
			}
		})
	}
}

// TestRescueFails: without a shell it is a failure like others.
func TestRescueFails(t *testing.T) {
	b := newBench(t, "", "console=ttyS0 inst.rescue inst.onfail=poweroff")
	b.installer.Rescue = &mender{shell: func(context.Context) error { return errors.New("no shell here") }}
	if err := b.installer.Run(t.Context()); err == nil {
		t.Error("Run says nothing")
	}
	if r := b.result(t); r.Action != handoff.Poweroff || !strings.Contains(r.Error, "no shell here") {
		t.Errorf("the result is %+v", r)
	}
	if !strings.Contains(b.read(t, "dev/ttyS0"), "no shell here") {
		t.Error("the console doesn't say that it failed")
	}
}

// TestRescueEnded: Ctrl-Alt-Del ends the shell and restarts the machine.
func TestRescueEnded(t *testing.T) {
	b := newBench(t, "", "console=ttyS0 inst.rescue inst.onfail=poweroff")
	ctx, cancel := context.WithCancel(t.Context())
	b.installer.Rescue = &mender{shell: func(ctx context.Context) error { cancel(); <-ctx.Done(); return context.Cause(ctx) }}
	if err := b.installer.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	if r := b.result(t); r.Action != handoff.Reboot {
		t.Errorf("the result is %+v", r)
	}
}
