package stage2

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/syslog"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/headless"
	"github.com/molt-installer/molt/stage2/plan"
)

// Paths are the places Run uses, for tests and for systems of another shape.
type Paths struct {
	Record    string // default handoff.RecordPath
	Result    string // default handoff.ResultPath
	Kickstart string // default handoff.KickstartPath
	Outside   string // default handoff.Outside
	Sys       string // default /sys
	Dev       string // default /dev
	Log       string // directory of the target's log, default /target/var/log/installer
}

func (p Paths) orDefault() Paths {
	return Paths{
		Record:    cmp.Or(p.Record, handoff.RecordPath),
		Result:    cmp.Or(p.Result, handoff.ResultPath),
		Kickstart: cmp.Or(p.Kickstart, handoff.KickstartPath),
		Outside:   cmp.Or(p.Outside, handoff.Outside),
		Sys:       cmp.Or(p.Sys, "/sys"),
		Dev:       cmp.Or(p.Dev, "/dev"),
		Log:       cmp.Or(p.Log, plan.Target+plan.LogDir),
	}
}

// grace is how long the last words may take on their way out.
const grace = 3 * time.Second

// The log beside the handoff record, in memory: it is there before the target and
// after a crash.
const (
	logName = "molt.log"
	mostLog = 2 << 20
)

// outputs is everyone who is told: the consoles, the events port, the log on
// the target, and the front end while there is one. While a front end has the
// screen, the consoles get nothing.
type outputs struct {
	mu       sync.Mutex
	logs     []event.Sink
	consoles []event.Sink
	queues   []*headless.Queue
	raw      []io.Writer // the consoles
	files    []*os.File
	far      *syslog.Sender // nil: none
	face     event.Sink
	port     event.Sink // nil: the machine has no events port
	kept     *headless.Bounded
}

func openOutputs(p Paths, o bootargs.Options) *outputs {
	out := &outputs{kept: headless.NewBounded(filepath.Join(filepath.Dir(p.Record), logName), mostLog)}
	out.logs = append(out.logs, headless.Text(out.kept, headless.TextOptions{Log: true}))
	for _, name := range consoles(p) {
		if q := out.open(name); q != nil {
			out.raw = append(out.raw, q)
			out.consoles = append(out.consoles, headless.Text(q, headless.TextOptions{Terminal: true}))
		}
	}
	for _, port := range []string{handoff.EventsPort, o.VirtioLog} {
		if q := out.open(handoff.FindPort(p.Sys, p.Dev, port)); q != nil && port == handoff.EventsPort {
			out.port = headless.Lines(q)
			out.logs = append(out.logs, out.port)
		} else if q != nil {
			out.logs = append(out.logs, headless.Text(q, headless.TextOptions{Log: true}))
		}
	}
	out.logFar(o.Syslog)
	if !slices.Contains(o.NoSave, "logs") && !slices.Contains(o.NoSave, "all") {
		out.logs = append(out.logs,
			headless.Lines(headless.NewLate(p.Log+"/events.jsonl")),
			headless.Text(headless.NewLate(p.Log+"/molt.log"), headless.TextOptions{Log: true}))
	}
	return out
}

// logFar sends the events where inst.syslog= says. Stage 1 has warned of one that
// makes no sense.
func (o *outputs) logFar(target string) {
	t, err := syslog.ParseTarget(target)
	if target == "" || err != nil {
		return
	}
	far := syslog.New(t, "molt-stage2")
	o.mu.Lock()
	defer o.mu.Unlock()
	o.far, o.logs = far, append(o.logs, farSink{far})
}

// logAsked sends the events from now on where the kickstart's logging says, unless the boot
// line has said so.
func (o *outputs) logAsked(bootLine string, l config.Logging) {
	if bootLine == "" && l.Host != "" {
		o.logFar(net.JoinHostPort(l.Host, strconv.Itoa(cmp.Or(l.Port, 514))))
	}
}

// farSink sends each event as the line of JSON that it is everywhere.
type farSink struct{ to *syslog.Sender }

func (s farSink) Emit(e event.Event) {
	if e.Type == event.Progress {
		return // not for a log
	}
	line, err := json.Marshal(e)
	if err != nil {
		return
	}
	s.to.Send(e.Time, severity(e), string(e.Type), string(line))
}

func severity(e event.Event) syslog.Severity {
	switch {
	case e.Type == event.Failed, e.Type == event.Error, e.Err != "":
		return syslog.Error
	case e.Type == event.Warning:
		return syslog.Warning
	case e.Type == event.Done, e.Type == event.NeedDisc:
		return syslog.Notice
	}
	return syslog.Info
}

// open opens a device for writing in the background; nil when there is none.
func (o *outputs) open(name string) *headless.Queue {
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|noCTTY, 0)
	if err != nil {
		return nil
	}
	q := headless.NewQueue(f)
	o.files, o.queues = append(o.files, f), append(o.queues, q)
	return q
}

// Emit implements event.Sink.
func (o *outputs) Emit(e event.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	for _, s := range o.logs {
		s.Emit(e)
	}
	if o.face != nil {
		o.face.Emit(e)
		return
	}
	for _, s := range o.consoles {
		s.Emit(e)
	}
}

// toPort tells the events port alone.
func (o *outputs) toPort(e event.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.port.Emit(e)
}

// show lets a front end have the screen; nil takes it back.
func (o *outputs) show(face event.Sink) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.face = face
}

// say writes to the consoles.
func (o *outputs) say(text string) {
	for _, w := range o.raw {
		fmt.Fprintln(w, text)
	}
}

func (o *outputs) close() {
	for i, q := range o.queues {
		q.Close(grace)
		o.files[i].Close()
	}
	if o.far != nil {
		o.far.Close(grace)
	}
	o.kept.Close()
}

// consoles are the devices of all kernel consoles.
func consoles(p Paths) []string {
	data, err := os.ReadFile(filepath.Join(p.Sys, "class/tty/console/active"))
	if err != nil {
		return nil
	}
	var names []string
	for _, n := range strings.Fields(string(data)) {
		names = append(names, filepath.Join(p.Dev, n))
	}
	return names
}
