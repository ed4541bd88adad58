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
	Drives   []Drive     `json:"drives"`
	NICs     []Interface `json:"nics"`
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
	Table     string   `json:"table,omitempty"`  // "gpt", "dos", empty for none
	Label     string   `json:"label,omitempty"`  // of a file system on the whole disk
	FSType    string   `json:"fstype,omitempty"` // of a file system on the whole disk
	InUse     string   `json:"in_use,omitempty"` // why it can't be a target: "mounted on /molt/medium"
	Parts     []Part   `json:"parts,omitempty"`
}

// Part is a partition that is there.
type Part struct {
	Path   string `json:"path"`
	Number int    `json:"number"`
	Start  int64  `json:"start"`
	Size   int64  `json:"size"`
	Type   string `json:"type,omitempty"` // GUID or MBR byte
	FSType string `json:"fstype,omitempty"`
	Label  string `json:"label,omitempty"`
	UUID   string `json:"uuid,omitempty"`
}

// Drive is an optical drive.
type Drive struct {
	Path  string `json:"path"` // "/dev/sr0"
	Model string `json:"model,omitempty"`
}

// Interface is a network interface other than the loopback.
type Interface struct {
	Name    string `json:"name"`
	MAC     string `json:"mac,omitempty"`
	Driver  string `json:"driver,omitempty"`
	Carrier bool   `json:"carrier"`
}
