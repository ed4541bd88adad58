package linuxhost

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/machine"
)

const sysSector = 512 // sysfs counts sizes in these, whatever the disk's sector is

// target reports whether a block device is a disk of its own: no loop, RAM,
// floppy or optical device, nothing that lies on other disks (dm, md), no
// boot area of an eMMC, no hidden path of an NVMe, and not an empty card reader.
func (p prober) target(name string) bool {
	other := regexp.MustCompile(`^((loop|ram|zram|fd|sr|nbd|dm-|md|mtdblock)\d.*|mmcblk\d+(boot\d+|rpmb))$`)
	dir := "sys/block/" + name
	return !other.MatchString(name) && p.number(dir+"/hidden") == 0 && p.number(dir+"/size") > 0
}

func (p prober) disk(name string, users users) (d machine.Disk, unread []string) {
	dir := "sys/block/" + name
	d = machine.Disk{
		Path:      deviceName(name),
		Seq:       p.number(dir + "/diskseq"),
		Size:      p.number(dir+"/size") * sysSector,
		Sector:    int(max(p.number(dir+"/queue/logical_block_size"), sysSector)),
		Model:     p.model(dir),
		Serial:    p.serial(dir),
		Transport: p.transport(name),
		Removable: p.number(dir+"/removable") == 1,
		ReadOnly:  p.number(dir+"/ro") == 1,
		InUse:     users.of(p, dir, deviceName(name)),
	}
	if model, serial := p.identity(dir); model != "" {
		d.Model, d.Serial = model, cmp.Or(serial, d.Serial)
	}
	d.Links = p.links(d, dir)
	d.Parts = p.parts(dir)
	for i := range d.Parts {
		if d.InUse == "" {
			d.InUse = users.of(p, dir+"/"+filepath.Base(sysName(d.Parts[i].Path)), d.Parts[i].Path)
		}
	}
	return d, p.contents(&d)
}

// deviceName undoes what sysfs does to a name with a slash: cciss!c0d0.
func deviceName(name string) string { return "/dev/" + strings.ReplaceAll(name, "!", "/") }

func sysName(device string) string {
	return strings.ReplaceAll(strings.TrimPrefix(device, "/dev/"), "/", "!")
}

func (p prober) parts(dir string) []machine.Part {
	var parts []machine.Part
	for _, name := range p.list(dir) {
		sub := dir + "/" + name
		n := int(p.number(sub + "/partition"))
		if n == 0 {
			continue
		}
		parts = append(parts, machine.Part{
			Path:   deviceName(name),
			Number: n,
			Start:  p.number(sub+"/start") * sysSector,
			Size:   p.number(sub+"/size") * sysSector,
		})
	}
	slices.SortFunc(parts, func(a, b machine.Part) int { return a.Number - b.Number })
	return parts
}

// contents reads the disk itself: its table, and what is on it and its
// partitions. One that can't be read is no target, however empty it looks. unread
// says what couldn't be read.
func (p prober) contents(d *machine.Disk) (unread []string) {
	f, err := os.Open(p.path(d.Path))
	if err == nil {
		defer f.Close()
		_, err = f.ReadAt(make([]byte, sysSector), 0)
	}
	if err != nil {
		d.InUse = cmp.Or(d.InUse, "can't be read: "+reason(err))
		return []string{d.Path + ": " + reason(err)}
	}
	table := readTable(f, int64(d.Sector))
	v := media.ReadVolume(f, d.Size)
	d.FSType, d.Label, d.UUID = v.FSType, v.Label, v.UUID
	d.Table, d.TableID = table.kind, table.id
	if len(d.Parts) == 0 && v.FSType != "" && table.kind == "dos" {
		d.Table, d.TableID = "", "" // the code in the boot sector of a FAT is easily taken for one
	}
	for i := range d.Parts {
		part := &d.Parts[i]
		table.tell(part)
		if v, err := p.volume(part.Path, part.Size); err == nil {
			part.FSType, part.Label, part.UUID = v.FSType, v.Label, v.UUID
		} else {
			unread = append(unread, part.Path+": "+reason(err))
		}
	}
	return unread
}

func (p prober) volume(device string, size int64) (media.Volume, error) {
	f, err := os.Open(p.path(device))
	if err != nil {
		return media.Volume{}, err
	}
	defer f.Close()
	return media.ReadVolume(f, size), nil
}

// reason is err without the name of the file and the system call.
func reason(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return err.Error()
}

// model is what maker and model say; "ATA" is no maker.
func (p prober) model(dir string) string {
	vendor := p.text(dir + "/device/vendor")
	if vendor == "ATA" || strings.HasPrefix(vendor, "0x") {
		vendor = ""
	}
	model := p.text(dir + "/device/model")
	if model == "" {
		model = p.text(dir + "/device/name") // MMC
	}
	return joinWords(vendor, model)
}

// serial is at one of three places: virtio's own, NVMe's and MMC's, or a
// SCSI disk's vital product data, page 0x80 (SPC-4, 7.8.15), after a header of four bytes.
func (p prober) serial(dir string) string {
	for _, name := range []string{"/serial", "/device/serial"} {
		if s := p.text(dir + name); s != "" {
			return s
		}
	}
	if page := p.text(dir + "/device/vpd_pg80"); len(page) > 3 {
		data, _ := os.ReadFile(p.path(dir + "/device/vpd_pg80"))
		return strings.Trim(string(data[min(4, len(data)):]), " \x00")
	}
	return ""
}

// transport goes by where the kernel hung the disk in its tree of devices.
func (p prober) transport(name string) string {
	way, _ := os.Readlink(p.path("sys/block/" + name))
	for _, t := range []struct{ mark, name string }{
		{"/usb", "usb"}, {"/virtio", "virtio"}, {"/nvme", "nvme"}, {"/ata", "sata"}, {"/mmc", "mmc"},
		{"/rport-", "fc"}, {"/session", "iscsi"}, {"/vbd-", "xen"}, {"/VMBUS", "hyperv"}, {"/host", "scsi"},
	} {
		if strings.Contains(way, t.mark) {
			return t.name
		}
	}
	return ""
}
