package plan

import "github.com/molt-installer/molt/stage2/plan/layout"

// What storage will be, as layout works it out.
type (
	Disk      = layout.Disk
	Volume    = layout.Volume
	Layer     = layout.Layer
	LayerKind = layout.LayerKind
)

const typeESP = layout.ESP

// SwapSize is how much swap a machine gets by itself, in bytes.
func SwapSize(memory, disk int64) int64 { return layout.SwapSize(memory, disk) }

// The kinds of layers.
const (
	LayerLUKS  = layout.LUKS
	LayerRAID  = layout.RAID
	LayerGroup = layout.Group
	LayerPool  = layout.Pool
	LayerLV    = layout.LV
	LayerBtrfs = layout.Btrfs
)
