package initramfs

import (
	"path"
	"strings"
)

// DefaultModules selects what stands between a machine and its discs, disks and
// keyboard. A pattern is a path below the module tree's kernel/ as
// [path.Match] knows it, without the file's suffix; one that ends in "/..." is
// everything below a directory; one that starts with "!" takes out again what
// patterns before it took in. What selected modules depend on comes by itself.
//
// There is no sound, no graphics beyond the kernel's own, no wireless, no
// joystick, and no file system an installation doesn't make or is made from.
func DefaultModules() []string {
	return []string{
		// Disks and drives.
		"drivers/ata/...",
		"drivers/scsi/...", "drivers/message/fusion/...", "drivers/ufs/...", "drivers/cdrom/...",
		"drivers/nvme/host/{nvme,nvme-core}",
		"drivers/block/{loop,virtio_blk,xen-blkfront}", "drivers/block/mtip32xx/*",
		"drivers/mmc/...", "drivers/usb/storage/*",
		"drivers/md/dm-{mod,verity,crypt,thin-pool,cache,cache-smq}", "drivers/md/{raid0,raid1,raid10,raid456}", "crypto/{algif_skcipher,algif_hash}",
		"!drivers/scsi/{scsi_debug,st,ch,ses,osst}", "!drivers/scsi/pcmcia/*", "!drivers/ata/pata_pcmcia",
		// Over a network, which has its own time.
		"!drivers/scsi/{fcoe,fnic,bnx2fc,bnx2i,qedf,qedi,be2iscsi,cxgbi,csiostor,libfc,bfa,lpfc,qla2xxx,qla4xxx,device_handler,snic}/...",
		"!drivers/scsi/{iscsi_tcp,libiscsi,libiscsi_tcp,iscsi_boot_sysfs}", "!drivers/mmc/host/{vub300,ushc}",
		// Busses and keyboards.
		"drivers/usb/host/*", "drivers/usb/{core,common}/*",
		"drivers/hid/{hid,hid-generic,hid-apple,hid-cherry,hid-chicony,hid-cypress,hid-ezkey,hid-hyperv,hid-ite,hid-kensington,hid-lenovo,hid-logitech*,hid-microsoft,hid-monterey,hid-redragon,hid-samsung,hid-sunplus,hid-topseed}",
		"drivers/hid/usbhid/*", "drivers/hid/i2c-hid/*",
		"drivers/input/serio/hyperv-keyboard", "drivers/input/evdev",
		// Virtual machines.
		"drivers/virtio/*", "drivers/hv/hv_vmbus", "drivers/char/hw_random/virtio-rng", "drivers/xen/xen-privcmd",
		"drivers/pci/controller/*",
		// Networks: cards, their transceivers, those of virtual machines, and what can stand on them.
		"drivers/net/ethernet/...", "drivers/net/phy/*", "drivers/net/mdio/*", "drivers/net/{mdio,mii}",
		"drivers/net/usb/{asix,aqc111,ax88179_178a,cdc_ether,cdc_ncm,dm9601,lan78xx,mcs7830,pegasus,r8152,r8153_ecm,rtl8150,smsc75xx,smsc95xx,sr9700,sr9800,usbnet}",
		"drivers/net/{virtio_net,xen-netfront}", "drivers/net/hyperv/*", "drivers/net/vmxnet3/*", "drivers/pci/controller/pci-hyperv",
		"drivers/net/bonding/*", "net/8021q/*", "net/bridge/bridge",
		"fs/nfs/{nfs,nfsv3,nfsv4}",
		// Not those for clusters and switches, offload, PCMCIA, and what left the market fifteen years ago: they are large.
		"!drivers/net/ethernet/{mellanox/mlxsw,netronome,cavium,pensando,fungible,neterion,myricom,tehuti}/...",
		"!drivers/net/ethernet/chelsio/{inline_crypto,libcxgb,cxgb,cxgb3}/...", "!drivers/net/ethernet/marvell/{prestera,octeon_ep,octeontx2}/...",
		"!drivers/net/ethernet/sfc/{siena,falcon}/...", "!drivers/net/ethernet/qlogic/netxen/*", "!drivers/net/ethernet/qlogic/qla3xxx",
		"!drivers/net/ethernet/brocade/...", "!drivers/net/ethernet/broadcom/cnic", "!drivers/net/ethernet/sun/{niu,cassini}",
		"!drivers/net/ethernet/{8390,3com,amd,fujitsu,smsc,xircom}/*_cs",
		// File systems, and what they read names and check sums with.
		"fs/{isofs,squashfs,overlayfs,ext4,xfs,btrfs,fat,nls,efivarfs}/*",
		"!fs/nls/mac-*",
		"crypto/{crc32c_generic,crc32_generic,cts,xts}",
		"arch/x86/crypto/{crc32c-intel,crc32-pclmul,aesni-intel,sha256-ssse3}",
	}
}

// BootModules are stored uncompressed: they are on the way from power-on to the
// first screen on common machines, and the kernel's xz is slow. All others stay
// as small as they came.
func BootModules() []string {
	return []string{
		"drivers/ata/{libata,ahci,libahci,ata_piix,ata_generic}",
		"drivers/scsi/{scsi_mod,scsi_common,sd_mod,sr_mod,virtio_scsi}", "drivers/cdrom/cdrom",
		"drivers/block/{loop,virtio_blk}", "fs/{isofs,squashfs,overlayfs}/*",
	}
}

// selection is a compiled list of patterns.
type selection []rule

type rule struct {
	pattern string
	deep    bool // everything below
	out     bool // takes out
}

func compile(patterns []string) selection {
	var s selection
	for _, p := range patterns {
		p, out := strings.CutPrefix(p, "!")
		for _, q := range expand(p) {
			q, deep := strings.CutSuffix(q, "/...")
			s = append(s, rule{q, deep, out})
		}
	}
	return s
}

// has reports whether the last rule that matches name, such as
// "drivers/ata/ahci", takes it in. used, if not nil, notes the rules that matched.
func (s selection) has(name string, used map[string]bool) bool {
	in := false
	for _, r := range s {
		if r.matches(name) {
			in = !r.out
			if used != nil {
				used[r.pattern] = true
			}
		}
	}
	return in
}

// unused are the patterns that take in and matched nothing.
func (s selection) unused(used map[string]bool) []string {
	var list []string
	for _, r := range s {
		if !r.out && !used[r.pattern] {
			list = append(list, r.pattern)
		}
	}
	return list
}

func (r rule) matches(name string) bool {
	if !r.deep {
		ok, _ := path.Match(r.pattern, name)
		return ok
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if ok, _ := path.Match(r.pattern, dir); ok {
			return true
		}
	}
	return false
}

// expand resolves the first {a,b} of a pattern.
func expand(pattern string) []string {
	before, rest, ok := strings.Cut(pattern, "{")
	list, after, closed := strings.Cut(rest, "}")
	if !ok || !closed {
		return []string{pattern}
	}
	var all []string
	for _, word := range strings.Split(list, ",") {
		all = append(all, expand(before+word+after)...)
	}
	return all
}
