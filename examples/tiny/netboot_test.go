package tiny_test

import (
	"testing"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
	"github.com/molt-installer/molt/internal/vm/vmtest/lan"
	"github.com/molt-installer/molt/stage2/event"
)

// booted boots the tiny set's tree from the network, as examples/netboot serves it, to the
// plan of the installation. Without a kickstart there is one on a volume.
func booted(t *testing.T, firmware vm.Firmware, how vm.Boot, rom bool, loader string, more map[string][]byte) {
	t.Helper()
	if !lan.Isolated(t) {
		return
	}
	l := lan.New(t)
	dhcp, web := l.Netboot(vmtest.Tree(t, vmtest.OpenSet(t, "tiny"), more), rom)
	card := l.NIC()
	card.Boot = how
	s := vmtest.Scenario{Set: "tiny", NoDisc: true, Firmware: firmware, NICs: []vm.NIC{card}, Kickstart: kickstart}
	if more != nil {
		s.Kickstart = ""
	}
	r := vmtest.Begin(t, s)
	r.WaitFor(event.Plan)
	dhcp.Await(loader, 1)
	web.Await("GET /tiny/images/stage2.img", 1)
}

// TestNetbootIPXE: the card's iPXE, from before iPXE knew ${cwduri}.
func TestNetbootIPXE(t *testing.T) {
	booted(t, vm.BIOS, vm.HTTP, false, "bootfile-name +http://10.77.0.1/tiny/boot.ipxe", nil)
}

// TestNetbootBIOS: a card's ROM that knows TFTP alone fetches GRUB, and GRUB the rest by it.
func TestNetbootBIOS(t *testing.T) {
	booted(t, vm.BIOS, vm.PXE, true, "sent /srv/molt/tiny/grub.0", nil)
}

// TestNetbootHTTP: UEFI fetches GRUB by HTTP.
func TestNetbootHTTP(t *testing.T) {
	booted(t, vm.UEFI, vm.HTTP, false, "bootfile-name +http://10.77.0.1/tiny/grubx64.efi", nil)
}

// TestNetbootTFTP: UEFI fetches GRUB by TFTP, and GRUB the rest. The kickstart
// is the one that site.cfg has for the card.
func TestNetbootTFTP(t *testing.T) {
	booted(t, vm.UEFI, vm.PXE, false, "sent /srv/molt/tiny/grubx64.efi", map[string][]byte{
		"site.cfg":         []byte(`set options="inst.ks=http://$net_default_server/tiny/$net_default_mac.ks"`),
		lan.MAC(1) + ".ks": []byte(kickstart),
	})
}
