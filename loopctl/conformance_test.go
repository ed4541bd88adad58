package loopctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// way is one of the two ways to everything: the package and the command.
type way struct {
	name     string
	attach   func(f *os.File, c Config) (*Device, error)
	switchTo func(d *Device, f *os.File) error
}

func ways(t *testing.T) []way {
	return []way{
		{
			name: "package",
			attach: func(f *os.File, c Config) (*Device, error) {
				return Attach(within(t), f, c)
			},
			switchTo: func(d *Device, f *os.File) error {
				_, err := d.Switch(within(t), f, nil)
				return err
			},
		},
		{
			name: "command",
			attach: func(f *os.File, c Config) (*Device, error) {
				out := command(t, append(append([]string{"attach"}, attachOptions(c)...), f.Name())...)
				if out.code != 0 {
					return nil, refusal(out)
				}
				return Open(strings.TrimSpace(out.stdout))
			},
			switchTo: func(d *Device, f *os.File) error {
				out := command(t, "switch", "--quiet", d.Path(), f.Name())
				if out.code != 0 {
					return refusal(out)
				}
				return nil
			},
		},
	}
}

func attachOptions(c Config) []string {
	var args []string
	for _, o := range []struct {
		name string
		on   bool
	}{{"--read-only", c.ReadOnly}, {"--partscan", c.PartScan}, {"--direct-io", c.DirectIO}} {
		if o.on {
			args = append(args, o.name)
		}
	}
	for _, o := range []struct {
		name  string
		value uint64
	}{{"--offset", c.Offset}, {"--sizelimit", c.SizeLimit}, {"--sector-size", uint64(c.BlockSize)}} {
		if o.value > 0 {
			args = append(args, o.name, strconv.FormatUint(o.value, 10))
		}
	}
	return args
}

// refusal is the error of a command.
type refusal outcome

func (r refusal) Error() string { return fmt.Sprintf("exit status %d: %s", r.code, r.stderr) }

// refusedFor says whether err is what that sentinel should lead to, by either way.
func refusedFor(err, sentinel error) bool {
	var r refusal
	if !errors.As(err, &r) {
		return errors.Is(err, sentinel)
	}
	text := sentinel.Error()
	if errors.Is(sentinel, fs.ErrNotExist) {
		text = unix.ENOENT.Error()
	}
	return r.code == statusFor(sentinel) && strings.HasPrefix(r.stderr, "loopctl: ") &&
		strings.Count(r.stderr, "loopctl: ") == 1 && strings.Contains(r.stderr, text)
}

// statusFor is the documented exit status.
func statusFor(sentinel error) int {
	switch sentinel {
	case ErrSizeMismatch, ErrContentMismatch, ErrBadBacking, ErrRecursion, ErrSameFile, ErrNotReadOnly, ErrWouldKillFS:
		return 3
	case ErrBusy, ErrPartitioned, ErrStalled:
		return 6
	case ErrNotLoop, ErrNotBound:
		return 7
	}
	return 1
}

// both runs a test by both ways, each with a device attached and detached again by
// its own, and nothing left behind.
func both(t *testing.T, test func(t *testing.T, w way)) {
	t.Helper()
	asRoot(t)
	for _, w := range ways(t) {
		t.Run(w.name, func(t *testing.T) { test(t, w) })
	}
}

// attached attaches by w and detaches by the command, or the package.
func (w way) attached(t *testing.T, f *os.File, c Config) *Device {
	t.Helper()
	d, err := w.attach(f, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if w.name == "package" {
			release(t, d)
			return
		}
		d.Close()
		if out := command(t, "detach", d.Path()); out.code != 0 && out.code != 7 {
			t.Errorf("leaked: %+v", out)
		}
	})
	return d
}

// shown is what the command's info and list, losetup, lsblk and sysfs say of a device, each
// in the same words.
func shown(t *testing.T, d *Device) map[string]string {
	t.Helper()
	told := map[string]string{}
	var info Info
	fromJSON(t, &info, "info", "--json", d.Path())
	told["loopctl info"] = inWords(info)
	var all struct {
		Loopdevices []struct {
			Name      string
			Offset    uint64
			SizeLimit uint64
			RO, DIO   bool
			LogSec    uint32 `json:"log-sec"`
			BackFile  string `json:"back-file"`
		}
	}
	fromJSON(t, &all, "list", "--json")
	for _, i := range all.Loopdevices {
		if i.Name == d.Path() {
			told["loopctl list"] = inWords(Info{Offset: i.Offset, SizeLimit: i.SizeLimit, ReadOnly: i.RO, DirectIO: i.DIO, BlockSize: i.LogSec, BackingFile: i.BackFile})
		}
	}
	told["package"] = inWords(infoOf(t, d))
	told["losetup"] = losetup(t, d)
	return told
}

// fromJSON reads what the command prints.
func fromJSON(t *testing.T, to any, args ...string) {
	t.Helper()
	out := command(t, args...)
	if err := json.Unmarshal([]byte(out.stdout), to); err != nil || out.code != 0 {
		t.Fatalf("%v: %v: %+v", args, err, out)
	}
}

// inWords are those facts that losetup has too.
func inWords(i Info) string {
	return fmt.Sprintf("offset %d limit %d ro %v dio %v log-sec %d file %s", i.Offset, i.SizeLimit, i.ReadOnly, i.DirectIO, i.BlockSize, i.BackingFile)
}

func losetup(t *testing.T, d *Device) string {
	t.Helper()
	f := strings.Fields(tool(t, "losetup", "--list", "--raw", "--noheadings", "-O", "OFFSET,SIZELIMIT,RO,DIO,LOG-SEC,BACK-FILE", d.Path()))
	if len(f) != 6 {
		t.Fatalf("losetup says %q", f)
	}
	return fmt.Sprintf("offset %s limit %s ro %v dio %v log-sec %s file %s", f[0], f[1], f[2] == "1", f[3] == "1", f[4], f[5])
}

// sizes are the size of a device by everybody who knows it.
func sizes(t *testing.T, d *Device) map[string]string {
	t.Helper()
	sectors, err := os.ReadFile("/sys/block/" + sysName(d.number) + "/size")
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.ParseUint(strings.TrimSpace(string(sectors)), 10, 64)
	return map[string]string{
		"package":  strconv.FormatUint(infoOf(t, d).Size, 10),
		"sysfs":    strconv.FormatUint(n*sectorSize, 10),
		"lsblk":    tool(t, "lsblk", "--bytes", "--noheadings", "--nodeps", "--raw", "-o", "SIZE", d.Path()),
		"blockdev": tool(t, "blockdev", "--getsize64", d.Path()),
	}
}

// tool runs one of util-linux' programs.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skip("needs", name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return strings.TrimSpace(string(out))
}

// agree fails the test unless all say the same.
func agree(t *testing.T, want string, told map[string]string) {
	t.Helper()
	for who, says := range told {
		if says != want {
			t.Errorf("%s says %q, want %q", who, says, want)
		}
	}
}
