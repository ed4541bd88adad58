package plan

import "github.com/molt-installer/molt/stage2/config"

// LayerKind is what a Layer is.
type LayerKind string

// The kinds of layers.
const (
	LayerLUKS  LayerKind = "luks"  // one device, encrypted
	LayerRAID  LayerKind = "raid"  // an array of md(4)
	LayerGroup LayerKind = "vg"    // a volume group; it has no device of its own
	LayerPool  LayerKind = "pool"  // a thin pool of a volume group
	LayerLV    LayerKind = "lv"    // a logical volume, thin when it has a Pool
	LayerBtrfs LayerKind = "btrfs" // a btrfs over several devices; its Device is the first of them
)

// Layer is a device between partitions and file systems. In Plan.Layers what
// a layer is made of comes before it.
type Layer struct {
	Kind     LayerKind `json:"kind"`
	Name     string    `json:"name"`               // "luks-<uuid>", "boot", "vg0", "root"
	Device   string    `json:"device,omitempty"`   // "/dev/mapper/luks-<uuid>", "/dev/md/boot", "/dev/vg0/root"
	On       []string  `json:"on"`                 // the devices it is made of; of a pool or volume none: it is in Group
	Size     int64     `json:"size"`               // bytes that can be used
	UUID     string    `json:"uuid,omitempty"`     // of a luks and a btrfs, as blkid shows it; of a raid as mdadm does
	Existing bool      `json:"existing,omitempty"` // is there already, and only opened

	LUKS *config.LUKS `json:"luks,omitempty"`

	Level    string `json:"level,omitempty"`     // of an array: "1"
	Spares   int    `json:"spares,omitempty"`    // the last so many of On
	ChunkKiB int    `json:"chunk_kib,omitempty"` // of an array or a thin pool
	Metadata string `json:"metadata,omitempty"`  // of an array: "1.2", or "1.0" where firmware reads it; of a btrfs the profile
	Data     string `json:"data,omitempty"`      // of a btrfs: the profile

	ExtentKiB   int64    `json:"extent_kib,omitempty"`
	Group       string   `json:"group,omitempty"` // of a pool or volume
	Pool        string   `json:"pool,omitempty"`  // of a thin volume
	MetadataMiB int64    `json:"metadata_mib,omitempty"`
	CacheMiB    int64    `json:"cache_mib,omitempty"`
	CachePVs    []string `json:"cache_pvs,omitempty"` // devices
	CacheMode   string   `json:"cache_mode,omitempty"`
}
