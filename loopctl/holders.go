package loopctl

import "context"

// How a Holder holds.
const (
	HoldsFile  = "open file"
	HoldsCwd   = "working directory"
	HoldsRoot  = "root directory"
	HoldsExe   = "program"
	HoldsMap   = "mapped file"
	HoldsMount = "mount"
	HoldsLoop  = "loop device"
	HoldsSwap  = "swap"
	HoldsStack = "device on top" // device mapper, md, bcache
)

// Holder is somebody who keeps a file system or a block device busy.
type Holder struct {
	How     string `json:"how"`               // one of the constants above
	PID     int    `json:"pid,omitempty"`     // 0 for HoldsLoop, HoldsSwap, HoldsStack. For HoldsMount one process in that namespace
	Command string `json:"command,omitempty"` // of PID
	Path    string `json:"path"`              // the file, mount point or device
}

// String says it in words: "pid 214 (bash): working directory /medium/pool".
func (h Holder) String() string { return h.How }

// Holders finds who keeps busy the file system that path is on, or, when path is a
// block device, that device and the file systems mounted from it. path itself, if it is a
// mount point, is not among them. Needs root to see other people's processes. An empty
// list doesn't prove that nobody is there: the kernel has users of its own.
func Holders(ctx context.Context, path string) ([]Holder, error) { return nil, ErrUnsupported }
