package stage2_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/engine"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan"
)

// troubled is a person who does something when a step has failed.
type troubled struct {
	person
	asked func(engine.Question) engine.Choice
}

func (p *troubled) Ask(_ context.Context, q engine.Question) (engine.Choice, error) {
	return p.asked(q), nil
}

func (p *troubled) End(context.Context, error) (handoff.Action, error) { return handoff.Ask, nil }

// inTrouble is an installation with a person whom asked answers for.
func inTrouble(t *testing.T, commandLine string, asked func(stage2.LogKeeper, engine.Question) engine.Choice) *bench {
	t.Helper()
	b := newBench(t, "", commandLine)
	b.installer.Probe = func(ctx context.Context) (machine.Machine, error) {
		m, err := probe(ctx)
		stick := func(path, fstype string) machine.Disk {
			return machine.Disk{Path: path, Size: 8 << 30, Model: "Stick", Transport: "usb", Removable: true, Parts: []machine.Part{{Path: path + "1", Size: 8 << 30, FSType: fstype, Label: "KEY"}}}
		}
		used, hard, locked := stick("/dev/sdc", "vfat"), machine.Disk{Path: "/dev/sdd", Size: 1 << 40, Parts: []machine.Part{{Path: "/dev/sdd1", FSType: "ext4"}}}, stick("/dev/sde", "vfat")
		used.InUse, locked.ReadOnly = "mounted on /molt/medium", true
		m.Disks[0].Transport, m.Disks[0].FSType = "usb", "ext4" // the target
		m.Disks = append(m.Disks, stick("/dev/sdb", "vfat"), used, hard, locked, stick("/dev/sdf", "iso9660"))
		return m, err
	}
	p := &troubled{person: person{answers: config.Answers{
		Root:    config.Login{Hash: "$6$" + password, Set: true},
		Storage: config.Storage{Zerombr: true, Clear: config.Clear{Mode: "all", Drives: []string{"vda"}}, Auto: &config.Autopart{}},
	}}}
	b.installer.Frontend = func(s stage2.Setup) (stage2.Frontend, error) {
		p.asked = func(q engine.Question) engine.Choice { return asked(s.Logs, q) }
		return p, nil
	}
	return b
}

// unpacked are the files of an archive by their names.
func unpacked(t *testing.T, data []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for in := tar.NewReader(z); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		files[path.Base(h.Name)] = string(text)
	}
}

func checkLogs(t *testing.T, data []byte) {
	t.Helper()
	files := unpacked(t, data)
	if !strings.Contains(files["molt.log"], "Install 2 packages") || !strings.Contains(files["plan.txt"], "/dev/vda") || !strings.Contains(files["machine.json"], "Stick") {
		t.Errorf("the logs are %v", files)
	}
	for name, text := range files {
		if strings.Contains(text, password) {
			t.Errorf("%s has a password", name)
		}
	}
}

// TestSaveLogs: on the one stick that is for that, at servers of two kinds, by the port.
func TestSaveLogs(t *testing.T) {
	var sent []byte
	var methods []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		methods = append(methods, r.Method+" "+r.URL.Path)
		if strings.HasPrefix(r.URL.Path, "/post") && r.Method != http.MethodPost {
			http.Error(w, "no", http.StatusMethodNotAllowed)
			return
		}
		if r.URL.Path == "/full" {
			http.Error(w, "no", http.StatusInsufficientStorage)
			return
		}
		sent, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	var b *bench
	b = inTrouble(t, "inst.debug.fail=install", func(logs stage2.LogKeeper, q engine.Question) engine.Choice {
		places, err := logs.Places(t.Context())
		if err != nil || len(places) != 2 || places[0].Key != "/dev/sdb1" || !strings.Contains(places[0].Label, "KEY") || places[1].Key != "port" {
			t.Errorf("places %+v, %v", places, err)
		}
		save := func(where, want string) {
			t.Helper()
			said, err := logs.Save(t.Context(), where)
			if err != nil {
				said = err.Error()
			}
			if !strings.Contains(said, want) || strings.Contains(said, "hunter") {
				t.Errorf("%s: %q, want %q", where, said, want)
			}
		}
		save("/dev/sdb1", "on /dev/sdb1, which can be taken out now")
		for _, other := range []string{"/dev/vda1", "/dev/sdc1", "/dev/sdd1", "/dev/sde1", "/dev/sdf1", ""} {
			save(other, "not there any more, or not for that")
		}
		at := strings.Replace(server.URL, "http://", "http://me:hunter@", 1)
		save(at, "/molt-logs-")
		checkLogs(t, sent)
		save(at+"/post/here", "/post/here")
		checkLogs(t, sent)
		save(at+"/full", "507 Insufficient Storage")
		save("ftp://h/x", "http://HOST/PATH")
		save("port", "molt-logs-")
		return engine.Abort
	})
	if err := b.installer.Run(t.Context()); err == nil {
		t.Fatal("it didn't fail")
	}
	if len(methods) != 4 || methods[1] != "PUT /post/here" || methods[2] != "POST /post/here" {
		t.Errorf("the server was asked %v", methods)
	}
	checkLogs(t, fromPort(t, b))
	if strings.Contains(b.read(t, "log/events.jsonl"), `"type":"logs"`) {
		t.Error("the logs are in themselves")
	}
	if slices.Contains(b.host.Mounted(), b.path("stick")) {
		t.Errorf("mounted: %v", b.host.Mounted())
	}
	stick := b.host.Names(b.path("stick"))
	if len(stick) != 1 {
		t.Fatalf("on the stick: %v", stick)
	}
	data, _ := b.host.File(stick[0])
	checkLogs(t, []byte(data))
}

// fromPort is the file that the events port got.
func fromPort(t *testing.T, b *bench) (data []byte) {
	t.Helper()
	for line := range strings.Lines(b.read(t, "dev/vport1p1")) {
		if len(line) > 60_000 {
			t.Errorf("a line of %d bytes", len(line))
		}
		var e event.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Type == event.Logs {
			if e.Piece.Offset != int64(len(data)) {
				t.Errorf("a piece at %d after %d bytes", e.Piece.Offset, len(data))
			}
			data = append(data, e.Piece.Data...)
		}
	}
	return data
}

// TestBackToTheQuestions: a failure before anything is written leads back to them, with
// what was answered, and the installation then goes on as if nothing had been.
func TestBackToTheQuestions(t *testing.T) {
	var offered []engine.Choice
	b := inTrouble(t, "", func(_ stage2.LogKeeper, q engine.Question) engine.Choice { offered = q.Choices; return engine.Back })
	record, err := handoff.ReadRecord(b.path("handoff.json"))
	if err != nil {
		t.Fatal(err)
	}
	record.Streamed = true
	if err := record.Write(b.path("handoff.json")); err != nil {
		t.Fatal(err)
	}
	b.host.FailOn("digest", 1, errors.New("no server answers"))
	decided := 0
	front := b.installer.Frontend
	b.installer.Frontend = func(s stage2.Setup) (stage2.Frontend, error) {
		face, err := front(s)
		return &decider{Frontend: face, decided: &decided}, err
	}
	if err := b.installer.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if decided != 2 || !slices.Equal(offered, []engine.Choice{engine.Retry, engine.Back, engine.Abort}) {
		t.Errorf("decided %d times, offered %v", decided, offered)
	}
	events := b.read(t, "dev/vport1p1")
	if strings.Count(events, `"type":"plan"`) != 2 || strings.Contains(events, `"type":"failed"`) || !strings.Contains(events, `"type":"done"`) {
		t.Errorf("the events are %s", events)
	}
}

// decider counts how often a person decides. The second time it is about the answers of the first.
type decider struct {
	stage2.Frontend
	decided *int
}

func (d *decider) Decide(ctx context.Context, q stage2.Dialog) (p *plan.Plan, err error) {
	*d.decided++
	if *d.decided > 1 {
		return q.Build(ctx, q.Answers)
	}
	return d.Frontend.Decide(ctx, q)
}
