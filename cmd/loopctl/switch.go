package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/molt-installer/molt/loopctl"
)

func switchTo(ctx context.Context, i *invocation) error {
	f, err := openFile(i.args[1], os.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	return i.change(func(d *loopctl.Device) (*loopctl.Report, error) { return d.Switch(ctx, f, &i.swap) })
}

func toMemory(ctx context.Context, i *invocation) error {
	return i.change(func(d *loopctl.Device) (*loopctl.Report, error) { return d.ToMemory(ctx, &i.swap) })
}

// change does a switch and tells of it. The report is printed of a failed one too.
func (i *invocation) change(do func(*loopctl.Device) (*loopctl.Report, error)) error {
	if i.noVerify && i.swap.Digest != nil {
		return usageError{"--digest and --no-verify exclude each other"}
	}
	if i.noVerify {
		i.swap.Verify = loopctl.VerifyNone
	}
	if !i.quiet {
		i.swap.Progress = narrator(i.stderr)
	}
	d, err := loopctl.Open(i.args[0])
	if err != nil {
		return err
	}
	defer d.Close()
	r, err := do(d)
	for _, w := range r.Warnings {
		fmt.Fprintln(i.stderr, "warning:", w)
	}
	if i.json {
		return errors.Join(err, printJSON(i.stdout, r))
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(i.stdout, "%s: %s -> %s\n%d bytes, sha256 %s\nsync %v, verify %v, switch %v, check %v\n",
		d.Path(), r.Old.BackingFile, r.New.BackingFile, r.Bytes, r.SHA256,
		round(r.Fsync), round(r.Verify), round(r.Ioctl), round(r.Check))
	return err
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

// narrator tells of each stage when it begins, and of waiting.
func narrator(w io.Writer) func(stage string, done, total int64) {
	words := map[string]string{
		loopctl.StageCopy:   "copying %d bytes to memory",
		loopctl.StageSync:   "writing the new file out",
		loopctl.StageVerify: "verifying %d bytes",
		loopctl.StageSwitch: "waiting for %d outstanding requests",
		loopctl.StageCheck:  "reading %d bytes back",
	}
	last := ""
	return func(stage string, _, total int64) {
		text := words[stage]
		if stage != loopctl.StageSync {
			text = fmt.Sprintf(text, total)
		}
		if text != last {
			fmt.Fprintln(w, text)
			last = text
		}
	}
}
