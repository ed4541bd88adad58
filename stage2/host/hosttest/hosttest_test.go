package hosttest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/host"
)

var set = media.Set{ID: "id", Product: "Tiny", Version: "1", Arch: "amd64", Discs: 2}

// story uses every kind of call once, and stops at the first error.
func story(h *Host) error {
	ctx := context.Background()
	calls := []func() error{
		func() error { return h.Wipe(ctx, "/dev/vda") },
		func() error {
			return h.WriteTable(ctx, "/dev/vda", host.Table{Parts: make([]host.TablePart, 2)})
		},
		func() error { return h.Run(ctx, host.Command{Args: []string{"mkfs.ext4", "/dev/vda2"}}) },
		func() error { return h.Mount(host.Mount{Source: "/dev/vda2", Target: "/target", FSType: "ext4"}) },
		func() error { _, err := h.Copy(ctx, "/image", "/target/.molt/image", nil); return err },
		func() error { _, err := h.Switch(ctx, "/dev/loop0", "/target/.molt/image", nil); return err },
		func() error { return h.Eject("/dev/sr0") },
		func() error { return h.Await(ctx, []string{"/dev/sr0"}) },
		func() error { return h.WriteFile("/target/etc/hostname", []byte("a\n"), 0o644) },
		func() error {
			return h.Run(ctx, host.Command{Args: []string{"chpasswd"}, Root: "/target", Stdin: "secret"})
		},
		func() error { return h.Unmount("/target") },
	}
	for _, c := range calls {
		if err := c(); err != nil {
			return err
		}
	}
	return nil
}

func machine() *Host {
	h := New()
	h.AddFile("/image", "squash")
	h.AddLoop("/dev/loop0", "/image")
	h.AddDrive("/dev/sr0", Disc(set, 1))
	h.Insert("/dev/sr0", Disc(set, 2))
	return h
}

func TestStory(t *testing.T) {
	h := machine()
	if err := story(h); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"wipe /dev/vda",
		"write-table /dev/vda with 2 partitions",
		"run mkfs.ext4 /dev/vda2",
		"mount /dev/vda2 on /target type ext4",
		"copy /image to /target/.molt/image",
		"switch /dev/loop0 to /target/.molt/image",
		"eject /dev/sr0",
		"await [/dev/sr0]",
		"write /target/etc/hostname mode 0644",
		"run in /target: chpasswd",
		"unmount /target",
	}
	if d := cmp.Diff(want, h.Calls()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"/dev/vda", "/dev/vda2"}, h.Writes()); d != "" {
		t.Error(d)
	}
	if disc, _ := h.Look(context.Background(), "/dev/sr0"); !disc.Is(set, 2) {
		t.Error(disc.Explain(set, 2))
	}
	if got := h.Backing("/dev/loop0"); got != "/target/.molt/image" {
		t.Error(got)
	}
}

func TestFailAtEveryCall(t *testing.T) {
	whole := machine()
	if err := story(whole); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	for n := 1; n <= len(whole.Calls()); n++ {
		h := machine()
		h.FailAt(n, boom)
		if err := story(h); !errors.Is(err, boom) || len(h.Calls()) != n {
			t.Errorf("FailAt(%d): %v after %d calls", n, err, len(h.Calls()))
		}
	}
}

func TestAnswers(t *testing.T) {
	h := New()
	h.Answer(Reply{Lines: []string{"any"}}, "blkid")
	h.Answer(Reply{Lines: []string{"first"}}, "blkid", "-o")
	h.Answer(Reply{Lines: []string{"second"}, Err: &host.ExitError{Code: 2}}, "blkid", "-o")
	var got []string
	line := func(l string) { got = append(got, l) }
	for _, args := range [][]string{{"blkid", "/dev/vda"}, {"blkid", "-o", "x"}, {"blkid", "-o", "y"}, {"blkid", "-o"}} {
		err := h.Run(context.Background(), host.Command{Args: args, Line: line})
		var exit *host.ExitError
		if errors.As(err, &exit) {
			got = append(got, exit.Error())
		}
	}
	want := []string{"any", "first", "second", "blkid -o y: exit status 2", "second", "blkid -o: exit status 2"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestBusy(t *testing.T) {
	h := New()
	h.AddDrive("/dev/sr0", Disc(set, 1))
	h.Mount(host.Mount{Source: "/dev/sr0", Target: "/medium", FSType: "iso9660", ReadOnly: true})
	var busy *host.BusyError
	if err := h.Eject("/dev/sr0"); !errors.As(err, &busy) {
		t.Errorf("eject of a mounted disc: %v", err)
	}
	h.Mount(host.Mount{Source: "none", Target: "/medium/dev", FSType: "tmpfs"})
	if err := h.Unmount("/medium"); !errors.As(err, &busy) {
		t.Errorf("unmount with a mount below: %v", err)
	}
}
