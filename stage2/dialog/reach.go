package dialog

import (
	"context"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// Reach is the network and the source of the packages: as the installer was started
// with them, and how they are changed while it runs.
type Reach struct {
	// Network and Source work on the running installer; nil where nothing can be
	// tried, as in a dry run.
	Network Network
	Source  Source
	// Taken is the network that the installer was started with, as answers. The
	// installed system gets it where nothing else is answered.
	Taken []config.Network
	// Check judges answers about the network. Nil: nobody does.
	Check func([]config.Network) NetworkCheck
	// Set is what is installed; Packages is where the installer takes it from when it is started, in
	// the spelling of inst.repo=, and AllHere whether nobody has to put in a disc for that.
	Set      media.Set
	Packages string
	AllHere  bool
}

// NetworkCheck is what a plan would say of answers about the network.
type NetworkCheck struct {
	Lines    []string // what each interface will be
	Warnings []string
	Problems []string // why there could be no plan
}

// Network is the network of the running installer.
type Network interface {
	// Interfaces are the cards as they were a moment ago, and what was made of them. It takes no
	// time; Look can take some, and then they are as they are now.
	Interfaces() []Interface
	Look()
	// Apply brings the network up as it is answered, until the installer ends or Apply is called
	// again; without answers what was applied before is taken down. An error says in words what each
	// interface lacks, and nothing of the answers is up then. It can take half a minute.
	Apply(ctx context.Context, answers []config.Network) error
	// Hostname is what DHCP called the machine since Apply; empty: nothing.
	Hostname() string
}

// Interface is one of them.
type Interface struct {
	machine.Interface
	Made  bool   // it is no card, but a VLAN, a bond or a bridge
	From  string // how it got its addresses: "dhcp", "static"; empty: it was not set up, or is not known
	Kept  string // why it can't be changed while the installer runs; empty: it can
	Lacks string // what it lacks to be of use, after Apply
}

// Source is where the packages come from.
type Source interface {
	// State says where that is, and what is in the drives. A disc that was just put in is waited for.
	State(ctx context.Context) (SourceState, error)
	// Use has all packages taken from another place from now on, in the spelling of
	// inst.repo=; empty is the one that the installer was started with. The place is opened and must
	// have the very set of which the installer is. After an error all is as before.
	Use(ctx context.Context, source string) error
}

// SourceState is where the packages come from.
type SourceState struct {
	Packages string // the place, in the spelling of inst.repo=, without a password
	AllHere  bool   // the files of all discs are there, and nobody has to put one in
	Other    bool   // it is not the place that the installer was started with
	Drives   []DriveState
}

// DriveState is what is in an optical drive.
type DriveState struct {
	Path  string // "/dev/sr0"
	Model string
	Disc  media.Disc // its State is empty when the drive can't be asked
	Why   string     // why it can't
}
