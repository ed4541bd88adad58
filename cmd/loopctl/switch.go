package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/molt-installer/molt/cmd/loopctl/internal/cli"
	"github.com/molt-installer/molt/loopctl"
)

// change is how the file under a device is switched, and how that is told.
type change struct {
	options  loopctl.SwitchOptions
	noVerify bool
	rescue   bool
	quiet    bool
	json     bool
	hashed   bool // whatever options says: watch --copy knows the digest of its copy
}

func switchCommand() cli.Command {
	var c change
	return cli.Command{
		Name:    "switch",
		Summary: "make DEVICE serve from FILE instead, proving before and after that the content is the same",
		About:   "DEVICE must be read-only; it may be mounted and in use, by squashfs, erofs or btrfs. FILE is a regular file or a block device of the same size.",
		Args:    []cli.Arg{{Name: "DEVICE", Offers: devices()}, {Name: "FILE", Offers: cli.Offers{Files: true}}},
		Options: append(c.proofs(), append([]cli.Option{
			cli.Switch(&c.rescue, "rescue", "", "the old file is dead, and can't even be asked for its size: go by way of memory; FILE is proved by --digest"),
		}, c.common()...)...),
		Run: c.switchTo,
	}
}

func toMemoryCommand() cli.Command {
	var c change
	return cli.Command{
		Name:    "to-memory",
		Summary: "copy the content of DEVICE to memory and make it serve from there",
		About:   "What is in memory can't be changed (a sealed memfd), and is freed when the device is detached or switched again. Too little memory is an error before anything is copied.",
		Args:    []cli.Arg{{Name: "DEVICE", Offers: devices()}},
		Options: append(c.proofs(), c.common()...),
		Run:     c.toMemory,
	}
}

// proofs are the options about what is proved.
func (c *change) proofs() []cli.Option {
	return []cli.Option{
		{Long: "digest", Arg: "SHA256", About: "compare the new file with this digest, 64 hexadecimal digits, instead of with the device: the old file isn't read", Set: c.setDigest},
		cli.Switch(&c.noVerify, "no-verify", "", "prove nothing beforehand"),
		cli.Switch(&c.options.SkipRecheck, "no-recheck", "", "don't read everything back afterwards"),
		cli.Switch(&c.options.AllowFSKill, "allow-fs-kill", "", "go on though the kernel will shut the mounted file system down"),
	}
}

// common are the options about waiting and telling.
func (c *change) common() []cli.Option {
	return []cli.Option{
		cli.Time(&c.options.StallAfter, "stall-after", "refuse when requests wait and none is answered for so long; default 2s"),
		cli.Time(&c.options.Timeout, "timeout", "for the switch itself, which waits for reads under way; default: no limit"),
		cli.Switch(&c.quiet, "quiet", "q", "don't tell what is being done"),
		jsonOption(&c.json),
	}
}

func (c *change) setDigest(s string) error {
	digest, err := hex.DecodeString(s)
	if err != nil || len(digest) != 32 {
		return errors.New("a SHA-256 is 64 hexadecimal digits")
	}
	c.options.Verify, c.options.Digest = loopctl.VerifyDigest, digest
	return nil
}

// consistent refuses options that contradict each other.
func (c *change) consistent() error {
	switch {
	case c.noVerify && c.options.Digest != nil:
		return &cli.UsageError{Text: "--digest and --no-verify exclude each other"}
	case c.rescue && c.options.Digest == nil:
		return &cli.UsageError{Text: "--rescue needs --digest: the old file can't be compared with"}
	}
	if c.noVerify {
		c.options.Verify = loopctl.VerifyNone
	}
	return nil
}

func (c *change) switchTo(ctx context.Context, args []string, s cli.Streams) error {
	if err := c.consistent(); err != nil {
		return err
	}
	f, err := openFile(args[1], os.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	return c.run(args[0], args[1], s, func(d *loopctl.Device, _ *narrator) (*loopctl.Report, error) {
		if c.rescue {
			return d.Rescue(ctx, f, &c.options)
		}
		return d.Switch(ctx, f, &c.options)
	})
}

func (c *change) toMemory(ctx context.Context, args []string, s cli.Streams) error {
	if err := c.consistent(); err != nil {
		return err
	}
	return c.run(args[0], "the copy", s, func(d *loopctl.Device, _ *narrator) (*loopctl.Report, error) {
		return d.ToMemory(ctx, &c.options)
	})
}

// run does a switch and tells of it. The report is printed of a failed one too.
func (c *change) run(name, to string, s cli.Streams, do func(*loopctl.Device, *narrator) (*loopctl.Report, error)) error {
	d, err := loopctl.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	n := newNarrator(s.Err, c.words(d.Path(), to))
	if !c.quiet {
		c.options.Progress = n.tell
		n.tell(stageLook, 0, 0)
	}
	r, err := do(d, n)
	n.end(err)
	return c.tell(d.Path(), s, r, err)
}

// tell prints what came of it.
func (c *change) tell(dev string, s cli.Streams, r *loopctl.Report, err error) error {
	if r == nil {
		return err
	}
	for _, w := range r.Warnings {
		fmt.Fprintln(s.Err, "warning:", w)
	}
	if c.json {
		return errors.Join(err, printJSON(s.Out, r))
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "%s serves from %s now, not from %s\n%d bytes, SHA-256 %s\nswitched in %s, written out in %s, proved in %s, read back in %s\n",
		dev, r.New.BackingFile, r.Old.BackingFile, r.Bytes, orNone(r.SHA256), brief(r.Ioctl), brief(r.Fsync), brief(r.Verify), brief(r.Check))
	return err
}

func orNone(s string) string {
	if s == "" {
		return "not taken"
	}
	return s
}

func brief(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return seconds(d)
}

// Stages beside those that loopctl tells of.
const (
	stageLook = "look" // everything before its first
	stageWait = "wait" // for a file to come, or to be finished
	stageFile = "file" // being copied to
)

// words are what is done in each stage.
func (c *change) words(dev, to string) func(string, int64) string {
	verify := "comparing " + to + " with " + dev
	if c.hashed || c.options.Verify == loopctl.VerifyDigest {
		verify = "hashing " + to
	}
	from := dev
	if c.rescue {
		from = to
	}
	texts := map[string]string{
		stageWait:           "waiting for " + to,
		stageFile:           "copying " + dev + " to " + to,
		stageLook:           "checking whether " + dev + " can be switched",
		loopctl.StageCopy:   "copying " + from + " to memory",
		loopctl.StageSync:   "writing " + to + " out",
		loopctl.StageVerify: verify,
		loopctl.StageCheck:  "reading " + dev + " back",
	}
	return func(stage string, total int64) string {
		if stage == loopctl.StageSwitch {
			return waitingFor(total)
		}
		if text, ok := texts[stage]; ok {
			return text
		}
		return strings.ReplaceAll(stage, "-", " ")
	}
}

func waitingFor(n int64) string {
	if n == 1 {
		return "waiting for 1 outstanding read"
	}
	return fmt.Sprintf("waiting for %d outstanding reads", n)
}
