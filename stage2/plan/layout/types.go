package layout

import (
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// Disk is a disk that will be written.
type Disk struct {
	Path      string         `json:"path"`
	Model     string         `json:"model,omitempty"`
	Size      int64          `json:"size"`                 // bytes
	Sector    int            `json:"sector,omitempty"`     // logical, bytes
	Lost      []machine.Part `json:"lost,omitempty"`       // partitions that will be erased
	LostFS    string         `json:"lost_fs,omitempty"`    // a file system on the whole disk that will be erased
	LostLabel string         `json:"lost_label,omitempty"` // its label
	LostTable string         `json:"lost_table,omitempty"` // the kind of the table that will be replaced
	GUID      string         `json:"guid,omitempty"`       // of the new table
	Table     string         `json:"table"`                // after it: "gpt", "dos"; empty when the disk as a whole is used
	Kept      bool           `json:"kept,omitempty"`       // the table stays, and with it all partitions that aren't in Lost
	Before    []machine.Part `json:"-"`                    // all partitions that are there now
	Parts     []Volume       `json:"partitions"`           // after it, by number, with those that stay
	Seq       int64          `json:"-"`                    // machine.Disk.Seq
}

// Rewritten reports whether the table is written: it is new, or a partition comes,
// goes or changes its size. Of other disks only what is on partitions is written.
func (d Disk) Rewritten() bool {
	if !d.Kept || len(d.Lost) > 0 {
		return true
	}
	for _, v := range d.Parts {
		if !v.Existing || v.Was != 0 {
			return true
		}
	}
	return false
}

// Volume is a partition of the plan or a device on layers, with what will be on it.
type Volume struct {
	Device      string `json:"device"`               // "/dev/vda2", "/dev/vg0/root"
	Number      int    `json:"number,omitempty"`     // of a partition
	Mount       string `json:"mount"`                // "/", "swap", "biosboot"; "none" when it is formatted and not mounted; empty when it is a member of a layer, extended, or not used
	FSType      string `json:"fstype,omitempty"`     // "ext4", "xfs", "vfat", "swap", "btrfs"; of a member as blkid calls it: "LVM2_member"; empty for biosboot
	Start       int64  `json:"start,omitempty"`      // bytes, of a partition
	Size        int64  `json:"size"`                 // bytes
	Was         int64  `json:"was,omitempty"`        // bytes, before it is made larger or smaller; 0 when it isn't
	WasDevice   string `json:"was_device,omitempty"` // its name until the table is changed; empty when that stays
	Type        string `json:"type,omitempty"`       // of a partition: GUID, or "0x83" on a dos table
	GUID        string `json:"guid,omitempty"`       // of a new partition on a gpt
	UUID        string `json:"uuid,omitempty"`       // of the file system, as blkid shows it
	Label       string `json:"label,omitempty"`      // of the file system
	Options     string `json:"options,omitempty"`    // for fstab
	MkfsOptions string `json:"mkfs_options,omitempty"`
	Subvolume   string `json:"subvolume,omitempty"` // of a btrfs, mounted from it; Device is the btrfs's
	Existing    bool   `json:"existing,omitempty"`  // the partition, device or subvolume is there already
	NoFormat    bool   `json:"noformat,omitempty"`  // and what is on it is kept
	Order       int    `json:"-"`                   // of a partition: which of Storage.Partitions asks for it, from 1 on; beyond their number one that was added; 0: none
}

// Used reports whether v gets a file system or is mounted: it is neither a member
// nor something that merely stays where it is.
func (v Volume) Used() bool { return v.Mount != "" }

// LayerKind is what a Layer is.
type LayerKind string

// The kinds of layers.
const (
	LUKS  LayerKind = "luks"  // one device, encrypted
	RAID  LayerKind = "raid"  // an array of md(4)
	Group LayerKind = "vg"    // a volume group; it has no device of its own
	Pool  LayerKind = "pool"  // a thin pool of a volume group
	LV    LayerKind = "lv"    // a logical volume, thin when it has a Pool
	Btrfs LayerKind = "btrfs" // a btrfs over devices; its Device is the first of them
)

// Layer is a device between partitions and file systems. What a layer is made
// of comes before it.
type Layer struct {
	Kind     LayerKind `json:"kind"`
	Name     string    `json:"name"`               // "luks-<uuid>", "boot", "vg0", "root"
	Device   string    `json:"device,omitempty"`   // "/dev/mapper/luks-<uuid>", "/dev/md/boot", "/dev/vg0/root"
	On       []string  `json:"on,omitempty"`       // the devices it is made of; of a pool or volume none: it is in Group
	Size     int64     `json:"size"`               // bytes that can be used
	Was      int64     `json:"was,omitempty"`      // bytes, before an existing volume is made larger or smaller
	UUID     string    `json:"uuid,omitempty"`     // of a luks and a btrfs, as blkid shows it; of a raid as mdadm does
	Label    string    `json:"label,omitempty"`    // of a btrfs
	Existing bool      `json:"existing,omitempty"` // is there already, and only opened

	LUKS *config.LUKS `json:"luks,omitempty"`

	Level    string `json:"level,omitempty"`     // of an array: "1"
	Spares   int    `json:"spares,omitempty"`    // the last so many of On
	ChunkKiB int    `json:"chunk_kib,omitempty"` // of an array or a thin pool
	Metadata string `json:"metadata,omitempty"`  // of an array: "1.2", or "1.0" where firmware reads it; of a btrfs the profile
	Data     string `json:"data,omitempty"`      // of a btrfs: the profile

	MkfsOptions string `json:"mkfs_options,omitempty"` // of a btrfs

	ExtentKiB   int64    `json:"extent_kib,omitempty"`
	Group       string   `json:"group,omitempty"` // of a pool or volume
	Pool        string   `json:"pool,omitempty"`  // of a thin volume
	MetadataMiB int64    `json:"metadata_mib,omitempty"`
	CacheMiB    int64    `json:"cache_mib,omitempty"`
	CachePVs    []string `json:"cache_pvs,omitempty"` // devices
	CacheMode   string   `json:"cache_mode,omitempty"`
}
