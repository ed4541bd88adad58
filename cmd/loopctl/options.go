package main

import (
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/molt-installer/molt/loopctl"
)

// options are all that commands take; each takes some.
type options struct {
	json     bool
	config   loopctl.Config
	swap     loopctl.SwitchOptions
	noVerify bool
	timeout  time.Duration
	quiet    bool
}

func jsonFlag(f *flag.FlagSet, o *options) {
	f.BoolVar(&o.json, "json", false, "print JSON")
}

// attachFlags have losetup's names.
func attachFlags(f *flag.FlagSet, o *options) {
	jsonFlag(f, o)
	for _, name := range []string{"r", "read-only"} {
		f.BoolVar(&o.config.ReadOnly, name, false, "read-only, which switch needs")
	}
	for _, name := range []string{"P", "partscan"} {
		f.BoolVar(&o.config.PartScan, name, false, "look for partitions")
	}
	for _, name := range []string{"o", "offset"} {
		f.Func(name, "`BYTES` of the file to leave out at its start", size(&o.config.Offset))
	}
	f.Func("sizelimit", "`BYTES` of the file to use; needed to switch to a bigger file or partition later", size(&o.config.SizeLimit))
	for _, name := range []string{"b", "sector-size"} {
		f.Func(name, "logical block size in `BYTES`", func(s string) error {
			n, err := strconv.ParseUint(s, 10, 32)
			o.config.BlockSize = uint32(n)
			return err
		})
	}
	f.BoolVar(&o.config.DirectIO, "direct-io", false, "bypass the page cache of the file, where it can")
	f.StringVar(&o.config.Name, "name", "", "`NAME` to show in the device's status; default: the file's")
}

func switchFlags(f *flag.FlagSet, o *options) {
	jsonFlag(f, o)
	f.BoolVar(&o.quiet, "quiet", false, "don't tell what is being done")
	f.Func("digest", "`SHA256` of the new file: hash it instead of comparing it with the device", func(s string) (err error) {
		o.swap.Verify = loopctl.VerifyDigest
		o.swap.Digest, err = hex.DecodeString(s)
		return err
	})
	f.BoolVar(&o.noVerify, "no-verify", false, "don't compare beforehand")
	f.BoolVar(&o.swap.SkipRecheck, "no-recheck", false, "don't read back afterwards")
	f.BoolVar(&o.swap.AllowFSKill, "allow-fs-kill", false, "go on though the kernel will shut the mounted file system down")
	f.DurationVar(&o.swap.StallAfter, "stall-after", 0, "refuse when no request is answered for that `TIME`; default 2s")
	f.DurationVar(&o.swap.Timeout, "timeout", 0, "`TIME` for the switch itself, waiting for requests in flight; default: none")
}

func detachFlags(f *flag.FlagSet, o *options) {
	f.DurationVar(&o.timeout, "timeout", 10*time.Second, "`TIME` to wait for other users of the device")
}

// size reads a number with an optional K, M, G or T, as losetup does.
func size(to *uint64) func(string) error {
	return func(s string) error {
		digits := strings.TrimRight(s, "KMGT")
		shift := map[string]uint{"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
		by, ok := shift[s[len(digits):]]
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil || !ok || n<<by>>by != n {
			return fmt.Errorf("%q is not a size", s)
		}
		*to = n << by
		return nil
	}
}

// help is made from the same tables that the command line is read by.
func help(w io.Writer) error {
	var b strings.Builder
	b.WriteString("loopctl manages loop devices and switches the file under one in use.\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "\nloopctl %s\n    %s\n", strings.TrimSpace(c.name+" [OPTION...] "+c.args), c.help)
		c.flagSet(new(options)).VisitAll(func(f *flag.Flag) {
			name, usage := flag.UnquoteUsage(f)
			dashes := "--"
			if len(f.Name) == 1 {
				dashes = "-"
			}
			fmt.Fprintf(&b, "      %-24s %s\n", strings.TrimSpace(dashes+f.Name+" "+name), usage)
		})
	}
	b.WriteString("\nA DEVICE is /dev/loop3, loop3 or 3. BYTES can end in K, M, G or T; TIME is like 500ms, 2s, 1m.\n\nExit status:\n")
	for _, s := range statuses() {
		fmt.Fprintf(&b, "  %d  %s\n", s.code, s.meaning)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
