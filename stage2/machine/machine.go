// Package machine holds the facts about a computer that an installation
// depends on, as plain data: recorded as JSON, any machine can be replayed.
//
// It probes nothing itself; internal/linuxhost does.
package machine

// Firmware that started the machine.
type Firmware string

// The kinds of firmware.
const (
	BIOS Firmware = "bios"
	UEFI Firmware = "uefi"
)

// Machine is one computer. Sizes are in bytes.
type Machine struct {
	Firmware Firmware    `json:"firmware"`
	Arch     string      `json:"arch"` // Debian's name: "amd64"
	Memory   int64       `json:"memory"`
	CPUs     int         `json:"cpus"`
	Product  string      `json:"product,omitempty"` // DMI
	Disks    []Disk      `json:"disks"`
	Stacks   []Stack     `json:"stacks,omitempty"` // RAID arrays, volume groups and encrypted devices on the disks
	Drives   []Drive     `json:"drives"`
	NICs     []Interface `json:"nics"`
	Unknown  []string    `json:"unknown,omitempty"` // what couldn't be found out, and why: "/dev/sda: permission denied"
}

// Disk is a whole disk that could be a target.
type Disk struct {
	Path      string   `json:"path"`            // "/dev/vda"
	Links     []string `json:"links,omitempty"` // below /dev/disk/by-*
	Seq       int64    `json:"seq,omitempty"`   // the kernel's number for this disk, which no other gets until the machine restarts (Linux 5.15); 0 when not known
	Size      int64    `json:"size"`
	Sector    int      `json:"sector"` // logical sector size
	Model     string   `json:"model,omitempty"`
	Serial    string   `json:"serial,omitempty"`
	Transport string   `json:"transport,omitempty"` // "virtio", "sata", "nvme", "usb"
	Removable bool     `json:"removable,omitempty"`
	ReadOnly  bool     `json:"readonly,omitempty"`
	Table     string   `json:"table,omitempty"`    // "gpt", "dos", empty for none
	TableID   string   `json:"table_id,omitempty"` // GUID of a gpt, "1b2c3d4e" of a dos table
	Label     string   `json:"label,omitempty"`    // of a file system on the whole disk
	FSType    string   `json:"fstype,omitempty"`   // of a file system on the whole disk
	UUID      string   `json:"uuid,omitempty"`     // of a file system on the whole disk
	InUse     string   `json:"in_use,omitempty"`   // why it can't be a target: "mounted on /molt/medium"
	Parts     []Part   `json:"parts,omitempty"`
}

// Part is a partition that is there. Of an extended one, Size is what the
// logical ones in it (number 5 and up) have together with their tables.
type Part struct {
	Path       string `json:"path"`
	Number     int    `json:"number"`
	Start      int64  `json:"start"`
	Size       int64  `json:"size"`
	Type       string `json:"type,omitempty"`       // GUID or MBR byte: "0x83"
	PartUUID   string `json:"partuuid,omitempty"`   // as blkid shows it: GUID, or "1b2c3d4e-01" on a dos table
	Name       string `json:"name,omitempty"`       // in a gpt
	Attributes uint64 `json:"attributes,omitempty"` // of a gpt entry (UEFI specification 2.10, 5.3.3); on a dos table 0x80 when it is active
	FSType     string `json:"fstype,omitempty"`
	Label      string `json:"label,omitempty"`
	UUID       string `json:"uuid,omitempty"`
}

// Stack is what is made of disks and partitions and is there already, or could
// be put together from what is there: an array, a volume group, a btrfs (of one
// device too, for its subvolumes), an encrypted device.
type Stack struct {
	Kind    string    `json:"kind"`              // "raid", "vg", "luks", "btrfs"
	Name    string    `json:"name"`              // of the array ("boot"), of the group ("vg0"); of the others their label
	UUID    string    `json:"uuid,omitempty"`    // as mdadm, vgs, blkid show it
	Members []string  `json:"members"`           // paths of disks, partitions or other stacks' devices, sorted
	Missing int       `json:"missing,omitempty"` // members that should be there and aren't
	Level   string    `json:"level,omitempty"`   // of an array: "1"
	Device  string    `json:"device,omitempty"`  // node of an array or encrypted device that runs now: "/dev/md127"
	Size    int64     `json:"size,omitempty"`    // bytes that can be used, where it is known
	Free    int64     `json:"free,omitempty"`    // of a group: bytes in no volume
	Extent  int64     `json:"extent,omitempty"`  // of a group: bytes of an extent; 0 when not known
	FSType  string    `json:"fstype,omitempty"`  // what is on an array that runs
	Label   string    `json:"label,omitempty"`
	Volumes []Stacked `json:"volumes,omitempty"` // of a group: logical volumes; of a btrfs: subvolumes
}

// Stacked is a logical volume or a subvolume.
type Stacked struct {
	Name   string `json:"name"`
	Device string `json:"device,omitempty"` // "/dev/vg0/root"
	Kind   string `json:"kind,omitempty"`   // "linear", "thin", "thin-pool", "subvolume", …
	Size   int64  `json:"size,omitempty"`
	FSType string `json:"fstype,omitempty"`
	Label  string `json:"label,omitempty"`
	UUID   string `json:"uuid,omitempty"`

	Origin string   `json:"origin,omitempty"` // the volume that a logical volume is a snapshot of
	Tags   []string `json:"tags,omitempty"`   // of a logical volume: lvm(8)
}

// Drive is an optical drive.
type Drive struct {
	Path  string `json:"path"` // "/dev/sr0"
	Model string `json:"model,omitempty"`
}

// Interface is a network interface other than the loopback.
type Interface struct {
	Name      string   `json:"name"`
	MAC       string   `json:"mac,omitempty"`
	Driver    string   `json:"driver,omitempty"`
	Carrier   bool     `json:"carrier"`             // it is up and has a link
	State     string   `json:"state,omitempty"`     // RFC 2863, 3.1.14, as the kernel spells it: "up", "down" (switched off, or no link), "unknown"
	Speed     int      `json:"speed,omitempty"`     // of the link, Mbit/s; 0 when not known
	Wireless  bool     `json:"wireless,omitempty"`  // this installer can't use it
	Addresses []string `json:"addresses,omitempty"` // "192.0.2.5/24", those that only the link knows left out
}
