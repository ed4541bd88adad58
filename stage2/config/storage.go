package config

// Storage says which disks may be written and what is to be on them. A disk
// that is named in neither Clear.Drives nor a partition is never written.
//
// What is to be made refers to what it is made of by name: a partition with
// the mount "pv.1", "raid.1" or "btrfs.1" is a member that a VolumeGroup, an Array
// or a Btrfs lists.
type Storage struct {
	Ignore     []string      `json:"ignore,omitempty"` // ignoredisk --drives
	OnlyUse    []string      `json:"only_use,omitempty"`
	Zerombr    bool          `json:"zerombr"` // disks without a valid table may be initialised
	Clear      Clear         `json:"clear"`
	Auto       *Autopart     `json:"auto,omitempty"`
	Reqpart    *Reqpart      `json:"reqpart,omitempty"`
	Partitions []Partition   `json:"partitions,omitempty"`
	Arrays     []Array       `json:"arrays,omitempty"`
	Groups     []VolumeGroup `json:"groups,omitempty"`
	Logicals   []Logical     `json:"logicals,omitempty"`
	Btrfs      []Btrfs       `json:"btrfs,omitempty"`
	Mounts     []MountPoint  `json:"mounts,omitempty"` // what is there already, only mounted: excludes all the others
	Snapshots  []Snapshot    `json:"snapshots,omitempty"`
}

// Clear is kickstart's clearpart.
type Clear struct {
	Mode      string   `json:"mode,omitempty"` // "all", "linux", "none", "list"; empty is none
	Drives    []string `json:"drives,omitempty"`
	List      []string `json:"list,omitempty"`
	InitLabel bool     `json:"initlabel"`
	Label     string   `json:"label,omitempty"` // "gpt", "msdos"; empty is gpt
}

// Autopart asks for the default layout.
type Autopart struct {
	Type   string `json:"type,omitempty"`   // "plain", "lvm", "thinp", "btrfs"; empty is plain
	FSType string `json:"fstype,omitempty"` // of the root: "ext4", "xfs"
	NoSwap bool   `json:"noswap,omitempty"`
	NoHome bool   `json:"nohome,omitempty"`
	NoBoot bool   `json:"noboot,omitempty"`
	LUKS   *LUKS  `json:"luks,omitempty"`

	Hibernation bool `json:"hibernation,omitempty"` // swap large enough to hibernate into
}

// Reqpart asks for the partitions that the machine's firmware needs, and no more.
type Reqpart struct {
	AddBoot bool `json:"add_boot,omitempty"` // and a /boot of its own
}

// Format is what is common to all that a file system can be made on.
type Format struct {
	FSType      string `json:"fstype,omitempty"` // "ext4", "xfs", "btrfs", "swap", "efi", …; empty is the mount point's default
	Label       string `json:"label,omitempty"`
	FSOptions   string `json:"fsoptions,omitempty"`   // for fstab
	MkfsOptions string `json:"mkfsoptions,omitempty"` // for mkfs
	NoFormat    bool   `json:"noformat,omitempty"`    // the file system that is there is kept; implies Existing
	Existing    bool   `json:"existing,omitempty"`    // the device is there already (--useexisting, --onpart)
	LUKS        *LUKS  `json:"luks,omitempty"`        // encrypted when not nil
}

// LUKS is how a device is encrypted. The zero value of a field leaves it to cryptsetup.
type LUKS struct {
	Passphrase  Secret `json:"passphrase,omitempty"`
	Version     string `json:"version,omitempty"`       // "luks1", "luks2"; empty is luks2
	Cipher      string `json:"cipher,omitempty"`        // "aes-xts-plain64"
	PBKDF       string `json:"pbkdf,omitempty"`         // "pbkdf2", "argon2i", "argon2id"
	PBKDFMemory int    `json:"pbkdf_memory,omitempty"`  // KiB
	PBKDFTime   int    `json:"pbkdf_time_ms,omitempty"` // milliseconds
	PBKDFRounds int    `json:"pbkdf_rounds,omitempty"`  // iterations; excludes PBKDFTime
}

// Secret is a text that is needed as it is, like a passphrase. It prints and
// marshals as stars; string(s) is the text.
type Secret string

// String hides the text.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString hides the text from %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Partition is kickstart's part.
type Partition struct {
	Mount string `json:"mount"` // "/", "/boot/efi", "swap", "biosboot", "pv.1", "raid.1", "btrfs.1"; "none" is made and not mounted
	Format
	SizeMiB     int64  `json:"size_mib,omitempty"`
	MaxSizeMiB  int64  `json:"maxsize_mib,omitempty"`
	Percent     int    `json:"percent,omitempty"` // of the room on its disk; kickstart has no word for it
	Grow        bool   `json:"grow,omitempty"`
	Recommended bool   `json:"recommended,omitempty"` // the size that swap has by itself
	Hibernation bool   `json:"hibernation,omitempty"` // swap large enough to hibernate into
	Resize      bool   `json:"resize,omitempty"`      // OnPart is made SizeMiB large
	Disk        string `json:"disk,omitempty"`        // --ondisk
	OnPart      string `json:"onpart,omitempty"`      // the partition that is there already
	Primary     bool   `json:"primary,omitempty"`     // --asprimary, on an msdos table
}

// Array is kickstart's raid.
type Array struct {
	Mount string `json:"mount"` // as Partition's: an array can be a member too
	Format
	Name     string   `json:"name"`            // --device: "boot", "0"; /dev/md/NAME
	Level    string   `json:"level,omitempty"` // "0", "1", "4", "5", "6", "10", "linear"; empty when Existing
	Members  []string `json:"members,omitempty"`
	Spares   int      `json:"spares,omitempty"`    // the last so many of Members
	ChunkKiB int      `json:"chunk_kib,omitempty"` // --chunksize
}

// VolumeGroup is kickstart's volgroup.
type VolumeGroup struct {
	Name            string   `json:"name"`
	Members         []string `json:"members,omitempty"`
	Existing        bool     `json:"existing,omitempty"`   // --useexisting or --noformat
	ExtentKiB       int64    `json:"extent_kib,omitempty"` // --pesize; 0 is 4096
	ReservedMiB     int64    `json:"reserved_mib,omitempty"`
	ReservedPercent int      `json:"reserved_percent,omitempty"`
}

// Logical is kickstart's logvol.
type Logical struct {
	Mount string `json:"mount"` // "/", "swap"; "none" of a thin pool, and of what is made and not mounted
	Format
	Name        string   `json:"name"`
	Group       string   `json:"group"`
	SizeMiB     int64    `json:"size_mib,omitempty"`
	MaxSizeMiB  int64    `json:"maxsize_mib,omitempty"`
	Percent     int      `json:"percent,omitempty"` // of the group's free room
	Grow        bool     `json:"grow,omitempty"`
	Recommended bool     `json:"recommended,omitempty"`
	Hibernation bool     `json:"hibernation,omitempty"`
	Resize      bool     `json:"resize,omitempty"`
	ThinPool    bool     `json:"thin_pool,omitempty"` // is a pool
	Pool        string   `json:"pool,omitempty"`      // is a thin volume of that pool
	ChunkKiB    int      `json:"chunk_kib,omitempty"`
	MetadataMiB int64    `json:"metadata_mib,omitempty"`
	CacheMiB    int64    `json:"cache_mib,omitempty"`
	CachePVs    []string `json:"cache_pvs,omitempty"`  // members of the group
	CacheMode   string   `json:"cache_mode,omitempty"` // "writeback", "writethrough"
}

// Btrfs is kickstart's btrfs: a volume over members, or a subvolume of one.
type Btrfs struct {
	Mount       string   `json:"mount"` // "none" when the volume itself isn't mounted
	Members     []string `json:"members,omitempty"`
	Subvolume   string   `json:"subvolume,omitempty"` // its name; Parent is the volume then
	Parent      string   `json:"parent,omitempty"`    // "LABEL=data", "UUID=…", or a member's name
	Label       string   `json:"label,omitempty"`
	Data        string   `json:"data,omitempty"`     // profile: "single", "raid0", "raid1", "raid10"
	Metadata    string   `json:"metadata,omitempty"` // the same
	MkfsOptions string   `json:"mkfsoptions,omitempty"`
	Existing    bool     `json:"existing,omitempty"`
	NoFormat    bool     `json:"noformat,omitempty"`
}

// MountPoint is kickstart's mount: a device that is there already.
type MountPoint struct {
	Device      string `json:"device"` // "/dev/vda2", "UUID=…", "LABEL=…"
	Mount       string `json:"mount"`  // "none" formats without mounting
	Reformat    bool   `json:"reformat,omitempty"`
	FSType      string `json:"fstype,omitempty"` // of Reformat; empty keeps the kind
	FSOptions   string `json:"fsoptions,omitempty"`
	MkfsOptions string `json:"mkfsoptions,omitempty"`
}

// Snapshot is kickstart's snapshot: of a thin logical volume.
type Snapshot struct {
	Volume string `json:"volume"` // "vg0/root"
	Name   string `json:"name"`
	When   string `json:"when"` // "post-install", "pre-install"
}
