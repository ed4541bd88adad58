package engine_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/engine"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/host/hosttest"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/plan"
)

const (
	image    = "the stage2 image"
	rootHash = "$y$j9T$saltsaltsalt$ROOTROOTROOT"
	userHash = "$y$j9T$saltsaltsalt$ALICEALICE"
)

// rig is a machine with a plan for it, and what happened on it.
type rig struct {
	host    *hosttest.Host
	plan    *plan.Plan
	env     *plan.Env
	set     media.Set
	mu      sync.Mutex
	events  []event.Event
	payload *fakePayload
}

func (r *rig) Emit(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// fakePayload notes what is asked of it, and uses the host as a real one would.
type fakePayload struct {
	payload.Payload
	host  *hosttest.Host
	calls []string
}

func (p *fakePayload) Fetch(ctx context.Context, f payload.Fetch) error {
	p.calls = append(p.calls, fmt.Sprintf("fetch %d from %s", f.Disc, f.Root))
	for i := range int64(1000) {
		f.Progress.Advance(i, 1000, "bytes", "a.deb")
	}
	return p.host.Sync(f.Target)
}

func (p *fakePayload) Install(ctx context.Context, _ *payload.Selection, target string, pr payload.Progress) error {
	p.calls = append(p.calls, "install")
	pr.Line("a careless script prints " + userHash)
	return p.host.Run(ctx, host.Command{Args: []string{"apt-get", "install"}})
}

func (p *fakePayload) Finish(_ context.Context, _ *payload.Selection, target string, _ payload.Progress) error {
	p.calls = append(p.calls, "finish")
	return p.host.RemoveAll(target + "/.molt/set")
}

func newRig(t *testing.T, change ...func(*plan.Input)) *rig {
	t.Helper()
	r := &rig{host: hosttest.New(), set: media.Set{ID: "s", Product: "Debian", Version: "13", Arch: "amd64", Discs: 3}}
	r.payload = &fakePayload{host: r.host}
	sum := sha256.Sum256([]byte(image))
	record := handoff.Record{
		Build:  media.Build{Set: r.set, Stage2: media.File{Size: int64(len(image)), SHA256: hex.EncodeToString(sum[:])}},
		Medium: handoff.Medium{Device: "/dev/sr0", Mount: "/molt/medium", Disc: 1},
		Image:  "/molt/medium/images/stage2.img", Loop: "/dev/loop0",
	}
	in := plan.Input{
		Machine: testMachine(), Answers: testAnswers(), Handoff: record, IDs: counter(),
		Selection: &payload.Selection{Packages: []payload.Package{{Name: "a", Disc: 1}, {Name: "b", Disc: 2}, {Name: "c", Disc: 3}}},
		Kickstart: []byte("# redacted\n"),
	}
	for _, c := range change {
		c(&in)
	}
	var err error
	if r.plan, err = plan.Build(in); err != nil {
		t.Fatal(err)
	}
	r.env = &plan.Env{Host: r.host, Payload: r.payload, Handoff: record, Result: &handoff.Result{}}
	r.furnish()
	return r
}

// furnish puts there what stage 1 and the packages leave.
func (r *rig) furnish() {
	r.host.AddFile(handoff.Outside+"/molt/medium/images/stage2.img", image)
	r.host.AddFile(handoff.Outside+"/molt/medium/.discinfo", "set")
	r.host.AddMount(host.Mount{Source: "/dev/sr0", Target: handoff.Outside + "/molt/medium", FSType: "iso9660"})
	r.host.AddLoop("/dev/loop0", "/molt/medium/images/stage2.img")
	r.host.AddDrive("/dev/sr0", hosttest.Disc(r.set, 1))
	for range 3 {
		r.host.Insert("/dev/sr0", hosttest.Disc(r.set, 2))
		r.host.Insert("/dev/sr0", hosttest.Disc(r.set, 3))
	}
	r.host.AddFile("/target/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
	r.host.AddFile("/target/etc/group", "root:x:0:\n")
	r.host.AddFile("/target/usr/sbin/grub-mkconfig", "")
	r.host.AddFile("/target/usr/sbin/locale-gen", "")
	r.host.AddFile("/target/usr/bin/debconf-set-selections", "")
	r.host.AddFile("/target/usr/lib/systemd/systemd-networkd", "")
	r.host.AddDir("/target/etc/apt")
}

func testMachine() machine.Machine {
	return machine.Machine{
		Firmware: machine.UEFI, Arch: "amd64", Memory: 512 << 20, Drives: []machine.Drive{{Path: "/dev/sr0"}},
		Disks: []machine.Disk{
			{Path: "/dev/vda", Size: 8 << 30, Sector: 512, Table: "gpt", Parts: []machine.Part{{Path: "/dev/vda1", Number: 1}}},
			{Path: "/dev/vdb", Size: 8 << 30, Sector: 512, Table: "gpt"},
		},
	}
}

func testAnswers() config.Answers {
	return config.Answers{
		Language: "de_DE.UTF-8",
		Root:     config.Login{Hash: rootHash, Set: true},
		Users:    []config.User{{Name: "alice", Groups: []string{"wheel"}, Login: config.Login{Hash: userHash, Set: true}}},
		Network:  []config.Network{{Method: "dhcp", OnBoot: true}},
		Storage: config.Storage{
			Zerombr: true, Clear: config.Clear{Mode: "all", Drives: []string{"vda"}}, Auto: &config.Autopart{},
		},
		Scripts: []config.Script{
			{Kind: config.Post, Body: "true", ErrorOnFail: true},
			{Kind: config.Post, Body: "true", NoChroot: true, Log: "/tmp/log"},
			{Kind: config.OnError, Body: "true"},
		},
		End: config.End{Action: "reboot", Eject: true},
	}
}

func counter() func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("%08x-0000-4000-8000-000000000000", n) }
}

func (r *rig) run(t *testing.T, o engine.Options) error {
	t.Helper()
	o.Sink = r
	err := engine.Run(t.Context(), r.plan, r.env, o)
	r.checkEvents(t, err)
	return err
}

// checkEvents checks what holds of every run.
func (r *rig) checkEvents(t *testing.T, err error) {
	t.Helper()
	if n := len(r.events); n == 0 || r.events[0].Type != event.Plan {
		t.Fatalf("the first of %d events is not the plan", n)
	}
	want := event.Done
	if err != nil {
		want = event.Failed
	}
	if last := r.events[len(r.events)-1]; last.Type != want {
		t.Errorf("the last event is %v, want %s", last, want)
	}
	open := ""
	for _, e := range r.events {
		switch e.Type {
		case event.Start:
			if open != "" {
				t.Errorf("%s starts before %s has finished", e.Step, open)
			}
			open = e.Step
		case event.Finish:
			if open != e.Step {
				t.Errorf("%s finishes while %q runs", e.Step, open)
			}
			open = ""
		}
		if text := fmt.Sprintf("%+v", e); strings.Contains(text, rootHash) || strings.Contains(text, userHash) {
			t.Errorf("a secret is in %s", text)
		}
	}
	if open != "" {
		t.Errorf("%s never finished", open)
	}
}

// checkHost checks what no failure may lead to.
func (r *rig) checkHost(t *testing.T) {
	t.Helper()
	for _, d := range r.host.Writes() {
		if !strings.HasPrefix(d, "/dev/vda") {
			t.Errorf("%s was written, and the plan doesn't name it", d)
		}
	}
	if len(r.host.Called("eject")) > 0 && !strings.HasPrefix(r.host.Backing("/dev/loop0"), plan.Target) {
		t.Error("a tray was opened while the installer ran from the disc")
	}
	if strings.HasPrefix(r.host.Backing("/dev/loop0"), plan.Target) && !slices.Contains(r.env.Result.Remove, ".molt") {
		t.Errorf("stage 1 isn't told of the copy: %+v", r.env.Result)
	}
}

var errFault = errors.New("a fault on purpose")
