package linuxhost

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/machine"
)

// links are udev's names for the disk. Where no udev runs, as in the installer, they
// are worked out from the same facts, so that a file that names a disk as the installed
// system does means the same disk here.
func (p prober) links(d machine.Disk, dir string) []string {
	found, _ := filepath.Glob(p.path("dev/disk/by-*/*"))
	var links []string
	for _, link := range found {
		to, err := os.Readlink(link)
		if err == nil && filepath.Base(to) == filepath.Base(d.Path) {
			links = append(links, "/"+strings.TrimPrefix(strings.TrimPrefix(link, filepath.Clean(p.root)), "/"))
		}
	}
	if len(found) > 0 {
		return links
	}
	if d.Seq > 0 {
		links = append(links, fmt.Sprintf("/dev/disk/by-diskseq/%d", d.Seq))
	}
	for _, id := range p.ids(d, dir) {
		links = append(links, "/dev/disk/by-id/"+udevName(id))
	}
	way, _ := os.Readlink(p.path(dir))
	for _, path := range p.paths(way, d.Transport, p.text(dir+"/nsid")) {
		links = append(links, "/dev/disk/by-path/"+path)
	}
	return links
}

// ids are the names below by-id (60-persistent-storage.rules of systemd).
func (p prober) ids(d machine.Disk, dir string) []string {
	wwid := cmp.Or(p.text(dir+"/wwid"), p.text(dir+"/device/wwid"))
	naa, hasNAA := strings.CutPrefix(wwid, "naa.")
	var ids []string
	switch {
	case d.Transport == "nvme":
		if d.Serial != "" {
			ids = append(ids, "nvme-"+d.Model+"_"+d.Serial)
		}
		if wwid != "" {
			ids = append(ids, "nvme-"+wwid)
		}
	case d.Transport == "virtio" && strings.HasPrefix(d.Name(), "vd"):
		if d.Serial != "" {
			ids = append(ids, "virtio-"+d.Serial)
		}
	case d.Transport == "mmc":
		ids = append(ids, "mmc-"+d.Model+"_"+d.Serial)
	case d.Transport == "sata":
		if model, serial := p.identity(dir); model != "" {
			ids = append(ids, "ata-"+model+"_"+serial)
		}
	case hasNAA:
		ids = append(ids, "scsi-3"+naa)
	}
	if hasNAA {
		ids = append(ids, "wwn-0x"+naa)
	}
	return ids
}

// identity is what an ATA disk calls itself, from its IDENTIFY DEVICE data (ACS-3,
// 7.12.7) in the vital product data, page 0x89 (SAT-3, 12.4.2): SCSI's own fields cut the
// model after 16 characters.
func (p prober) identity(dir string) (model, serial string) {
	const data = 60 // into the page
	page, err := os.ReadFile(p.path(dir + "/device/vpd_pg89"))
	if err != nil || len(page) < data+512 {
		return "", ""
	}
	words := func(first, last int) string {
		var b []byte
		for n := first; n <= last; n++ {
			b = append(b, page[data+2*n+1], page[data+2*n]) // the first letter is the high byte
		}
		return strings.Trim(string(b), " \x00")
	}
	return words(27, 46), words(10, 19)
}

// ataPort is the number of the port on its controller.
func (p prober) ataPort(way string) string {
	name := regexp.MustCompile(`/(ata\d+)/`).FindStringSubmatch(way)
	if name == nil {
		return ""
	}
	return p.text("sys/class/ata_port/" + name[1] + "/port_no")
}

// paths are the names below by-path of a disk on PCI, by its way through the tree
// of devices (udev-builtin-path_id.c of systemd). Those behind SAS, Fibre Channel and
// iSCSI are left out: they have rules of their own.
func (p prober) paths(way, transport, nsid string) []string {
	functions := regexp.MustCompile(`/([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f])/`).FindAllStringSubmatch(strings.ReplaceAll(way, "/", "//"), -1)
	if functions == nil || regexp.MustCompile(`/(rport-|end_device-|session)`).MatchString(way) {
		return nil
	}
	pci := "pci-" + functions[len(functions)-1][1]
	scsi := regexp.MustCompile(`/(host\d+)/.*/\d+:(\d+):(\d+):(\d+)/block/`).FindStringSubmatch(way)
	usb := regexp.MustCompile(`/\d+-([0-9.]+:\d+\.\d+)/`).FindStringSubmatch(way)
	port := p.ataPort(way)
	switch {
	case transport == "nvme" && nsid != "":
		return []string{pci + "-nvme-" + nsid}
	case transport == "virtio" && scsi == nil:
		return []string{pci, "virtio-" + pci}
	case scsi == nil:
		return nil
	case port != "" && scsi[2] == "0": // otherwise behind a port multiplier
		return []string{pci + "-ata-" + port + "." + scsi[3], pci + "-ata-" + port}
	case port != "":
		return []string{pci + "-ata-" + port + "." + scsi[2] + ".0", pci + "-ata-" + port}
	}
	if usb != nil {
		pci += "-usb-0:" + usb[1]
	}
	return []string{fmt.Sprintf("%s-scsi-%d:%s:%s:%s", pci, p.hostNumber(way, scsi[1]), scsi[2], scsi[3], scsi[4])}
}

// hostNumber counts a SCSI host among those of the same device: the kernel's own
// number depends on what was found first.
func (p prober) hostNumber(way, host string) int {
	parent, _, _ := strings.Cut(way, "/"+host+"/")
	number := func(name string) int {
		n, err := strconv.Atoi(strings.TrimPrefix(name, "host"))
		if err != nil {
			return math.MaxInt
		}
		return n
	}
	first := number(host)
	for _, name := range p.list("sys/block/" + parent) {
		first = min(first, number(name))
	}
	return number(host) - first
}

// udevName is a name as udev writes it into a link: runs of white space are one
// underscore, and so is each character that a name can't have.
func udevName(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 0x7f || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("#+-.:=@_", r) {
			return r
		}
		return '_'
	}, strings.Join(strings.Fields(s), "_"))
}
