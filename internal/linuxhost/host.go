// Package linuxhost is the host.Host of a running Linux machine: programs are
// really started, file systems mounted, partition tables written.
//
// It decides nothing and retries nothing. It must run as root, and takes device
// names, mounts and holders from /proc, /sys and /dev as they are mounted where
// it runs; stage 2 has them bound into its root.
package linuxhost

import (
	"context"
	"sync"
	"time"

	"github.com/molt-installer/molt/loopctl"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/host"
)

// Host is the machine. Its zero value is ready for use, and safe for use by
// several goroutines.
type Host struct {
	mu    sync.Mutex
	watch *media.Watch // of the optical drives, from the first use on
}

var _ host.Host = (*Host)(nil)

// New returns the machine the program runs on.
func New() *Host { return &Host{} }

// lookForHolders is how long an error about a busy device may wait for the
// names of those who keep it so.
const lookForHolders = 5 * time.Second

// busy is the error about a mount point or device in use.
func busy(path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), lookForHolders)
	defer cancel()
	e := &host.BusyError{Path: path}
	holders, err := loopctl.Holders(ctx, path)
	for _, h := range holders {
		e.Holders = append(e.Holders, h.String())
	}
	if err != nil && len(holders) == 0 {
		e.Holders = []string{"somebody who could not be found: " + err.Error()}
	}
	return e
}
