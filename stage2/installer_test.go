package stage2_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/engine"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/host/hosttest"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/plan"
)

const password = "hunter2-is-secret"

const goodKickstart = `lang C.UTF-8
keyboard us
timezone Etc/UTC --utc
rootpw --plaintext ` + password + `
zerombr
clearpart --all --initlabel --drives=vda
autopart --type=plain
reboot --eject
%pre
echo hello
%end
%post
echo ` + password + `
%end
`

// bench is a second stage on a machine in memory, with its outputs in a directory.
type bench struct {
	dir       string
	host      *hosttest.Host
	installer stage2.Installer
}

func newBench(t *testing.T, kickstart, commandLine string) *bench {
	t.Helper()
	b := &bench{dir: t.TempDir(), host: hosttest.New()}
	const image = "image"
	sum := sha256.Sum256([]byte(image))
	set := media.Set{ID: "s", Product: "Tiny", Version: "1", Arch: "amd64", Discs: 2}
	record := handoff.Record{
		Build:  media.Build{Set: set, Stage2: media.File{Size: int64(len(image)), SHA256: hex.EncodeToString(sum[:])}},
		Medium: handoff.Medium{Device: "/dev/sr0", Mount: "/molt/medium", Disc: 1},
		Image:  "/molt/medium/images/stage2.img", Loop: "/dev/loop0", CommandLine: commandLine,
	}
	if kickstart != "" {
		record.Kickstart = &handoff.Kickstart{Origin: "hd:LABEL=OEMDRV:/ks.cfg"}
		b.write(t, "ks.cfg", kickstart)
	}
	if err := record.Write(b.path("handoff.json")); err != nil {
		t.Fatal(err)
	}
	b.write(t, "sys/class/tty/console/active", "ttyS0\n")
	b.write(t, "sys/class/virtio-ports/vport1p1/name", handoff.EventsPort+"\n")
	b.write(t, "dev/vport1p1", "")
	b.write(t, "dev/ttyS0", "")
	b.write(t, "log/.keep", "")
	b.installer = stage2.Installer{
		Payload: func(context.Context, stage2.Setup) (payload.Payload, error) { return small{}, nil },
		Host:    b.host, Probe: probe,
		Paths: stage2.Paths{
			Record: b.path("handoff.json"), Result: b.path("result.json"), Kickstart: b.path("ks.cfg"),
			Sys: b.path("sys"), Dev: b.path("dev"), Log: b.path("log"),
		},
	}
	b.furnish(set, image)
	return b
}

func (b *bench) furnish(set media.Set, image string) {
	b.host.AddFile(handoff.Outside+"/molt/medium/images/stage2.img", image)
	b.host.AddMount(host.Mount{Source: "/dev/sr0", Target: handoff.Outside + "/molt/medium"})
	b.host.AddLoop("/dev/loop0", "/molt/medium/images/stage2.img")
	b.host.AddDrive("/dev/sr0", hosttest.Disc(set, 1))
	b.host.Insert("/dev/sr0", hosttest.Disc(set, 2))
	b.host.AddFile("/target/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
	b.host.AddFile("/target/etc/group", "root:x:0:\n")
	b.host.AddFile("/target/boot/vmlinuz-6.12", "kernel")
	b.host.Answer(hosttest.Reply{Lines: []string{password}}, "/bin/sh")
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(b.path(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(b.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func (b *bench) result(t *testing.T) *handoff.Result {
	t.Helper()
	r, err := handoff.ReadResult(b.path("result.json"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func probe(context.Context) (machine.Machine, error) {
	return machine.Machine{
		Firmware: machine.BIOS, Arch: "amd64", Memory: 2 << 30,
		Disks:  []machine.Disk{{Path: "/dev/vda", Size: 2 << 30, Sector: 512}},
		Drives: []machine.Drive{{Path: "/dev/sr0"}},
	}, nil
}

// small is a payload of two packages on two discs.
type small struct{}

func (small) Catalog() *media.Catalog { return &media.Catalog{Groups: []media.Group{{ID: "hello"}}} }
func (small) Resolve(context.Context, payload.Request) (*payload.Selection, error) {
	return &payload.Selection{Packages: []payload.Package{{Name: "a", Disc: 1, Size: 1000}, {Name: "b", Disc: 2, Size: 1000}}}, nil
}
func (small) Fetch(context.Context, payload.Fetch) error { return nil }
func (small) Install(context.Context, *payload.Selection, string, payload.Progress) error {
	return nil
}
func (small) Finish(context.Context, *payload.Selection, string, payload.Progress) error { return nil }

func TestUnattended(t *testing.T) {
	b := newBench(t, goodKickstart, "console=ttyS0 inst.ks=hd:LABEL=OEMDRV:/ks.cfg")
	if err := b.installer.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := &handoff.Result{Version: handoff.Version, Action: handoff.Reboot, Eject: []string{"/dev/sr0"}, Remove: []string{".molt"}, Target: "/target"}
	if diff := cmp.Diff(want, b.result(t)); diff != "" {
		t.Errorf("the result (-want +got):\n%s", diff)
	}
	lines := strings.Split(strings.TrimSpace(b.read(t, "dev/vport1p1")), "\n")
	if first, last := lines[0], lines[len(lines)-1]; !strings.Contains(first, `"type":"plan"`) || !strings.Contains(last, `"type":"done"`) {
		t.Errorf("the events begin with %s and end with %s", first, last)
	}
	if log := b.read(t, "log/events.jsonl"); log != b.read(t, "dev/vport1p1") {
		t.Errorf("the target's log has other events:\n%s", log)
	}
	if console := b.read(t, "dev/ttyS0"); !strings.Contains(console, "Insert disc 2 of Tiny 1 into /dev/sr0") || !strings.Contains(console, "Erased:") {
		t.Errorf("the console shows\n%s", console)
	}
}

// TestNoSecretIsTold searches everything that leaves the program for the
// password of the kickstart, and for its hash.
func TestNoSecretIsTold(t *testing.T) {
	for name, fail := range map[string]string{"success": "", "failure": " inst.debug.fail=post-1"} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, goodKickstart, "console=ttyS0"+fail)
			err := b.installer.Run(t.Context())
			if (err != nil) != (fail != "") {
				t.Fatal(err)
			}
			told := strings.Join(b.host.Calls(), "\n")
			for _, f := range []string{"dev/vport1p1", "dev/ttyS0", "log/events.jsonl", "log/molt.log", "result.json"} {
				told += b.read(t, f)
			}
			for _, n := range b.host.Names(plan.Target + plan.LogDir) {
				text, _ := b.host.File(n)
				if filepath.Base(n) == "installed.ks" { // root's alone; it has the hashes that shadow(5) has
					text = strings.ReplaceAll(text, "$y$", "")
				}
				told += text
			}
			if err != nil {
				told += err.Error()
			}
			for _, secret := range []string{password, "$y$"} {
				if i := strings.Index(told, secret); i >= 0 {
					t.Errorf("%q is told: …%s…", secret, told[max(0, i-200):min(len(told), i+50)])
				}
			}
		})
	}
}

func TestFailures(t *testing.T) {
	tests := map[string]struct {
		kickstart, commandLine string
		change                 func(*bench)
		want                   string // in the error, the events and the result
		action                 handoff.Action
	}{
		"a mistake in the kickstart": {"lange de\nclearparts\n", "", nil, "clearparts", handoff.Ask},
		"not all is answered":        {"lang C.UTF-8\n", "inst.cmdline", nil, "no time zone is set", handoff.Ask},
		"the wrong disk":             {strings.ReplaceAll(goodKickstart, "vda", "sdq"), "", nil, "sdq: no such disk", handoff.Ask},
		"inst.onfail":                {"nonsense\n", "inst.onfail=poweroff", nil, "nonsense", handoff.Poweroff},
		"no payload": {goodKickstart, "", func(b *bench) {
			b.installer.Payload = func(context.Context, stage2.Setup) (payload.Payload, error) {
				return nil, errors.New("a damaged catalog")
			}
		}, "a damaged catalog", handoff.Ask},
		"a failing step": {goodKickstart, "inst.debug.fail=mkfs-/", nil, "made to fail", handoff.Ask},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tt.kickstart, tt.commandLine)
			if tt.change != nil {
				tt.change(b)
			}
			err := b.installer.Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Run: %v", err)
			}
			r := b.result(t)
			if !strings.Contains(r.Error, tt.want) || r.Action != tt.action || len(r.Eject) > 0 {
				t.Errorf("the result is %+v", r)
			}
			lines := strings.Split(strings.TrimSpace(b.read(t, "dev/vport1p1")), "\n")
			if last := lines[len(lines)-1]; !strings.Contains(last, `"type":"failed"`) {
				t.Errorf("the last event is %s", last)
			}
			if !strings.Contains(b.read(t, "dev/ttyS0"), "FAILED") {
				t.Error("the console doesn't say that it failed")
			}
			if w := b.host.Writes(); name != "a failing step" && len(w) > 0 {
				t.Errorf("written: %v", w)
			}
		})
	}
}

// person is a front end that answers by itself.
type person struct {
	answers config.Answers
	events  int
	closed  bool
}

func (p *person) Emit(event.Event) { p.events++ }
func (p *person) Close() error     { p.closed = true; return nil }
func (p *person) Ask(context.Context, engine.Question) (engine.Choice, error) {
	return engine.Abort, nil
}
func (p *person) End(_ context.Context, failure error) (handoff.Action, error) {
	return handoff.Shell, nil
}
func (p *person) Decide(ctx context.Context, d stage2.Dialog) (*plan.Plan, error) {
	if _, err := d.Build(ctx, d.Answers); err == nil {
		return nil, errors.New("nothing has been answered, and there is a plan")
	}
	return d.Build(ctx, p.answers)
}

func TestInteractive(t *testing.T) {
	b := newBench(t, "", "console=ttyS0")
	p := &person{answers: config.Answers{
		Root: config.Login{Hash: "$6$x", Set: true},
		Storage: config.Storage{
			Zerombr: true, Clear: config.Clear{Mode: "all", Drives: []string{"vda"}}, Auto: &config.Autopart{},
		},
	}}
	b.installer.Frontend = func(stage2.Setup) (stage2.Frontend, error) { return p, nil }
	if err := b.installer.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := b.result(t); r.Action != handoff.Shell || r.Error != "" {
		t.Errorf("the result is %+v", r)
	}
	if p.events == 0 || !p.closed {
		t.Errorf("the front end saw %d events, closed: %v", p.events, p.closed)
	}
	if bytes.Contains([]byte(b.read(t, "dev/ttyS0")), []byte("Partition /dev/vda")) {
		t.Error("the console was written to while the front end had it")
	}
}

// sure is a person who is shown what was decided, and wants it like that.
type sure struct {
	person
	shown bool
}

func (p *sure) Decide(ctx context.Context, d stage2.Dialog) (*plan.Plan, error) {
	p.shown = true
	return d.Build(ctx, d.Answers)
}

// TestPauseAtSummary: a kickstart that leaves nothing open is shown before it is carried out, if
// that was asked for and somebody can be.
func TestPauseAtSummary(t *testing.T) {
	for commandLine, want := range map[string]bool{"": false, "inst.pauseatsummary": true, "inst.pauseatsummary inst.cmdline": false} {
		b, p := newBench(t, goodKickstart, "console=ttyS0 "+commandLine), &sure{}
		b.installer.Frontend = func(stage2.Setup) (stage2.Frontend, error) { return p, nil }
		if err := b.installer.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p.shown != want {
			t.Errorf("%q: shown %v", commandLine, p.shown)
		}
	}
}

func TestNoRecord(t *testing.T) {
	b := newBench(t, "", "")
	b.installer.Paths.Record = b.path("nothing")
	if err := b.installer.Run(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Run: %v", err)
	}
	if r := b.result(t); r.Action != handoff.Ask {
		t.Errorf("the result is %+v", r)
	}
}

// TestMistake: a panic outside of any step is a failure like others, and runs %traceback.
func TestMistake(t *testing.T) {
	b := newBench(t, goodKickstart+"%traceback\necho trace\n%end\n%onerror\necho error\n%end\n", "")
	b.installer.Payload = func(context.Context, stage2.Setup) (payload.Payload, error) { panic("oh") }
	err := b.installer.Run(t.Context())
	if m := (*engine.Mistake)(nil); !errors.As(err, &m) {
		t.Errorf("Run: %v", err)
	}
	if r := b.result(t); !strings.Contains(r.Error, "a mistake in the installer: oh") {
		t.Errorf("the result is %+v", r)
	}
	if events := b.read(t, "dev/vport1p1"); !strings.Contains(events, "goroutine ") || !strings.Contains(events, `"type":"failed"`) {
		t.Errorf("the events are %s", events)
	}
	want := []string{"run /bin/sh /tmp/installer-pre-1", "run /bin/sh /tmp/installer-traceback-3", "run /bin/sh /tmp/installer-onerror-4"}
	if d := cmp.Diff(want, b.host.Called("run /bin/sh")); d != "" {
		t.Errorf("scripts (-want +got):\n%s", d)
	}
}

// TestLogging: the kickstart says where the log is sent, unless the boot line does.
func TestLogging(t *testing.T) {
	asked, boot := logServer(t), logServer(t)
	kickstart := goodKickstart + "logging --host=127.0.0.1 --port=" + asked.port() + "\n"
	for _, tt := range []struct {
		commandLine string
		to          *logs
	}{{"", asked}, {"inst.syslog=127.0.0.1:" + boot.port(), boot}} {
		b := newBench(t, kickstart, tt.commandLine)
		if err := b.installer.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for !strings.Contains(tt.to.read(t), `"type":"done"`) {
		}
	}
	if _, err := boot.WriteTo([]byte("last"), asked.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if line := asked.read(t); line != "last" {
		t.Errorf("the boot line says %s, and the kickstart's server got %s", boot.port(), line)
	}
}

// logs is a syslog server. It reads all the time: the kernel drops what finds no room.
type logs struct {
	net.PacketConn
	messages chan string
}

func logServer(t *testing.T) *logs {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &logs{c, make(chan string, 1<<16)}
	go func() {
		defer close(l.messages)
		for message := make([]byte, 65536); ; {
			n, _, err := c.ReadFrom(message)
			if err != nil {
				return
			}
			l.messages <- string(message[:n])
		}
	}()
	t.Cleanup(func() {
		c.Close()
		for range l.messages { // until the reader has ended
		}
	})
	return l
}

func (l *logs) port() string { _, port, _ := net.SplitHostPort(l.LocalAddr().String()); return port }

// read waits for the next message.
func (l *logs) read(t *testing.T) string {
	t.Helper()
	select {
	case message := <-l.messages:
		return message
	case <-time.After(time.Minute):
		t.Fatal("no message for a minute")
		return ""
	}
}
