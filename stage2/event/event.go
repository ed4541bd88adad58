// Package event is the vocabulary in which an installation tells what it does:
// the engine emits events, the front ends and logs show them. docs/events.md
// describes the wire form, one JSON object a line.
//
// Events carry no secrets and no functions; they are values that can be stored
// and replayed.
package event

import "time"

// Type of an Event.
type Type string

// The types, in the order in which a run can emit them. All steps with their
// weights are in the one Plan; every Start has exactly one Finish; the last
// event is Done or Failed.
const (
	Plan     Type = "plan"
	Start    Type = "start"
	Progress Type = "progress"
	Finish   Type = "finish"
	NeedDisc Type = "need-disc"
	Disc     Type = "disc"
	Warning  Type = "warning"
	Error    Type = "error"
	Done     Type = "done"
	Failed   Type = "failed"
	Log      Type = "log"  // a line of a tool's output
	Ask      Type = "ask"  // a person is asked on the screen; before Plan
	Logs     Type = "logs" // a piece of the logs that a person has sent; to the events port alone
)

// Event is one line of the stream. Fields that don't belong to the type are absent.
type Event struct {
	Time     time.Time   `json:"t"`
	Type     Type        `json:"type"`
	Step     string      `json:"step,omitempty"`    // id of the step, unique within the plan: "relocate", "mkfs-/"
	Message  string      `json:"message,omitempty"` // for a person
	Steps    []StepInfo  `json:"steps,omitempty"`   // Plan only
	Progress *Amount     `json:"progress,omitempty"`
	Discs    *DiscInfo   `json:"disc,omitempty"`    // NeedDisc and Disc
	Switch   *SwitchInfo `json:"switch,omitempty"`  // Finish of the relocation
	Seconds  float64     `json:"seconds,omitempty"` // Finish: how long the step took
	Err      string      `json:"error,omitempty"`   // Finish of a failed step, Error, Failed
	Piece    *Piece      `json:"piece,omitempty"`   // Logs
}

// StepInfo announces a step.
type StepInfo struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Weight int    `json:"weight"`         // share of the whole, in seconds on a reference machine
	Disc   int    `json:"disc,omitempty"` // the disc that it reads in a drive; 0: none
}

// Amount is how far a step is. Total 0 means unknown.
type Amount struct {
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
	Unit  string `json:"unit"`           // "bytes" or "packages"
	Item  string `json:"item,omitempty"` // what is being worked on: a package, a file
}

// DiscInfo tells about a disc that is asked for, or was found.
type DiscInfo struct {
	Wanted int      `json:"wanted"` // number in the set
	Drives []string `json:"drives,omitempty"`
	Drive  string   `json:"drive,omitempty"` // the drive Found is about
	Found  string   `json:"found,omitempty"` // what was found instead, in words
	OK     bool     `json:"ok"`              // the wanted disc is in Drive
}

// SwitchInfo is the moment the installer sheds its disc.
type SwitchInfo struct {
	Device   string  `json:"device"` // "/dev/loop0"
	Old      string  `json:"old"`    // backing file before
	New      string  `json:"new"`    // backing file after
	Bytes    int64   `json:"bytes"`  // copied
	SHA256   string  `json:"sha256"`
	CopyMS   float64 `json:"copy_ms"`
	SwitchMS float64 `json:"switch_ms"` // the ioctl alone
	VerifyMS float64 `json:"verify_ms"` // reading back, before and after
}

// Piece is a piece of a file. The pieces of one come in their order.
type Piece struct {
	Name   string `json:"name"` // "molt-logs-20260102-030405.tar.gz"
	Size   int64  `json:"size"` // of the whole file
	Offset int64  `json:"offset"`
	Data   []byte `json:"data"` // in JSON as base64
}

// Sink takes events. It must not block for long and must not fail.
type Sink interface{ Emit(Event) }

// Func is a function as a Sink.
type Func func(Event)

// Emit calls f.
func (f Func) Emit(e Event) { f(e) }
