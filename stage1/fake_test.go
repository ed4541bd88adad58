package stage1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/network"
	"github.com/molt-installer/molt/loopctl"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/verity"
)

// fake is a machine that records what is done to it.
type fake struct {
	calls   []string
	mounted []string
	busy    map[string]int // how often Unmount or Detach of it fails with EBUSY
	holders []loopctl.Holder
	discs   map[string]media.Disc
	volumes []media.Volume
	drives  []string
	looks   map[string]error
	start   func(program) (process, error)
	left    []string
	memory  int64
	net     error // why the network can't be used; nil: it can
	ups     []network.Config
}

func (f *fake) call(format string, args ...any) {
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
}

func (f *fake) isBusy(what string) error {
	if f.busy[what] > 0 {
		f.busy[what]--
		return unix.EBUSY
	}
	return nil
}

func (f *fake) Mount(m mount) error {
	f.call("mount %s", m.target)
	f.mounted = append(f.mounted, m.target)
	return nil
}

func (f *fake) Unmount(target string) error {
	if err := f.isBusy(target); err != nil {
		return err
	}
	f.call("unmount %s", target)
	i := slices.Index(f.mounted, target)
	if i < 0 {
		return unix.EINVAL
	}
	f.mounted = slices.Delete(f.mounted, i, i+1)
	return nil
}

func (f *fake) Move(from, to string) error {
	f.call("move %s %s", from, to)
	for i, m := range f.mounted {
		if m == from || len(m) > len(from) && m[:len(from)+1] == from+"/" {
			f.mounted[i] = to + m[len(from):]
		}
	}
	return nil
}

func (f *fake) Mounts() ([]string, error) { return slices.Clone(f.mounted), nil }

func (f *fake) Force(target string) error {
	f.call("force %s", target)
	f.mounted = slices.DeleteFunc(f.mounted, func(m string) bool { return m == target })
	return nil
}

func (f *fake) Attach(_ context.Context, file string) (string, error) {
	f.call("attach %s", filepath.Base(file))
	return "/dev/loop7", nil
}

func (f *fake) Detach(_ context.Context, device string) error {
	if err := f.isBusy(device); err != nil {
		return err
	}
	f.call("detach %s", device)
	return nil
}

func (f *fake) Protect(_ context.Context, device string, _ verity.Params) (string, error) {
	f.call("protect %s", device)
	return "/dev/dm-0", nil
}

func (f *fake) Unprotect(device string) error {
	if err := f.isBusy(device); err != nil {
		return err
	}
	f.call("unprotect %s", device)
	return nil
}

func (f *fake) CloseLayers() error {
	if err := f.isBusy("layers"); err != nil {
		return err
	}
	f.call("close layers")
	return nil
}

func (f *fake) Drives() ([]string, error)        { return f.drives, nil }
func (f *fake) Volumes() ([]media.Volume, error) { return f.volumes, nil }
func (f *fake) Look(_ context.Context, device string) (media.Disc, error) {
	return f.discs[device], f.looks[device]
}
func (f *fake) Changed(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}
func (f *fake) Eject(device string) error { f.call("eject %s", device); return f.isBusy(device) }

func (f *fake) Up(ctx context.Context, c network.Config) (*handoff.Network, error) {
	f.call("up")
	f.ups = append(f.ups, c)
	if f.net != nil {
		return nil, f.net
	}
	if c.First == nil {
		c.First = func(context.Context) error { return nil }
	}
	if err := c.First(ctx); err != nil {
		return nil, &network.Error{States: []network.State{{Interface: "eth0", Step: network.StepSource, Reason: err}}}
	}
	return &handoff.Network{Interfaces: []handoff.Interface{{Name: "eth0", MAC: "52:54:00:12:34:56", Usable: true}}}, nil
}

func (f *fake) Down() { f.call("down") }

func (f *fake) Start(p program) (process, error) {
	f.call("start %s", p.path)
	if f.start == nil {
		return nil, errors.New("nothing can be started here")
	}
	return f.start(p)
}

func (f *fake) Clear(_ context.Context, dir string) ([]string, error) {
	f.call("clear %s", dir)
	return f.left, nil
}

func (f *fake) Holders(context.Context, string) ([]loopctl.Holder, error) { return f.holders, nil }
func (f *fake) Await(context.Context, []int)                              { f.call("await") }
func (f *fake) Kill(pids []int)                                           { f.call("kill %v", pids); clear(f.busy) }
func (f *fake) SwapOff() error                                            { f.call("swapoff"); return nil }
func (f *fake) MemoryFree() int64                                         { return f.memory }
func (f *fake) Sync()                                                     { f.call("sync") }
func (f *fake) End(a handoff.Action) error                                { f.call("end %s", a); return nil }

// person is a terminal with a person at it who gives prepared answers.
type person struct {
	bytes.Buffer
	answers  []string
	restored int
}

func (p *person) Restore() { p.restored++ }

func (p *person) Ask(ctx context.Context, prompt string) (string, string, error) {
	p.WriteString(prompt)
	if len(p.answers) == 0 {
		<-ctx.Done()
		return "", "", ctx.Err()
	}
	a := p.answers[0]
	p.answers = p.answers[1:]
	return a, "/dev/ttyS0", nil
}

// exited is a process that has ended.
type exited string

func (e exited) Wait() string { return string(e) }
func (e exited) Terminate()   {}
func (e exited) Kill()        {}

// testSession is a session on a fake machine, with its places below a temporary directory.
func testSession(t *testing.T) (*session, *fake, *person) {
	t.Helper()
	f := &fake{busy: map[string]int{}, discs: map[string]media.Disc{}, looks: map[string]error{}}
	p := &person{}
	top := t.TempDir()
	at := func(name string) string { return filepath.Join(top, name) }
	s := &session{
		machine: machine{f, f, f, f, f, f, f, f, kernelServers{}}, con: p, log: &journal{file: io.Discard, con: p},
		dirs: dirs{
			medium: at("medium"), holder: at("holder"), imageMedium: at("image"), imageHolder: at("image-holder"), stream: at("stream"), lower: at("lower"), updates: at("updates"), rw: at("rw"), root: at("root"), target: at("t"),
			scratch: at("scratch"), modules: at("modules"), firmware: at("firmware"), record: at("run/handoff.json"), result: at("run/result.json"),
			ks: at("run/ks.cfg"), log: at("run/stage1.log"), ca: at("run/ca.pem"), client: at("run/client.pem"), ownCA: at("etc/ca.pem"),
		},
	}
	s.devices = newDevices(s.log, s.release())
	s.devices.sys = at("sys")
	s.build.Set = media.Set{ID: "5f0c", Product: "Debian", Version: "13", Arch: "amd64", Discs: 2}
	for _, d := range []string{s.dirs.medium, filepath.Join(top, "run")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return s, f, p
}
