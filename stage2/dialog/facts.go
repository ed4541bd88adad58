package dialog

import (
	"context"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/regional"
)

// Facts are what the questions go by, and what they can have done.
type Facts struct {
	Product string // "Debian 13"
	Machine machine.Machine
	Disks   []machine.Disk    // that can be installed to
	Refused map[string]string // path of every other disk → why not
	// Probe looks at the machine's disks again; nil where that can't be done.
	Probe   func(ctx context.Context) (m machine.Machine, disks []machine.Disk, refused map[string]string, err error)
	Catalog *media.Catalog
	Regions *regional.Lists // languages, keyboards and time zones to choose from; nil: there are no lists
	Local   Local           // where the questions are asked
	// Hostname is what the network calls the machine, if it does. Connected is
	// whether it is on one already, which then is the installed system's too.
	Hostname  string
	Connected bool
	// Hash turns a password into its crypt(5) form.
	Hash func(plain string) (string, error)
	// Reach is the network and the source of the packages.
	Reach Reach
	// Review works out what the answers would do. It may take a while.
	// Problems are a Review, not an error.
	Review func(ctx context.Context, a config.Answers) (Review, error)
	// FindPackages looks for single packages, see payload.Finder; nil when what is
	// installed has none. Needs works out what the answers' software takes. Both
	// may take a while.
	FindPackages func(ctx context.Context, words string) ([]payload.Found, error)
	Needs        func(ctx context.Context, a config.Answers) (Needs, error)
}

// Review is a plan as it is shown for confirmation.
type Review struct {
	Problems []string // why it can't be done; then the rest is empty
	Lost     []string // what will be erased: "/dev/vda  20 GiB  Windows (NTFS)"
	Text     string   // what will be there then, and how
}
