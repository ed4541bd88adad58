package network_test

import (
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// TestGuest: a real kernel with a card, and the devices that build machines
// often can't make: DHCP on the card and on a bond, a VLAN, and all three stacked.
func TestGuest(t *testing.T) {
	ctx := vmtest.Turn(t, 4*time.Minute)
	g := vmtest.BootProgram(ctx, t, vm.Config{Network: true, NoReboot: true}, "./testdata/guest",
		`RESULT "" <nil> .*"name":"eth0".*"kind":"ethernet","ipv4":"dhcp","ipv6":"auto","addresses":\["10\.0\.2\.15/24"`,
		"virtio_pci", "virtio_net", "bonding", "8021q", "bridge")
	for _, want := range []string{
		`RESULT "bond=.* <nil> .*"name":"eth0".*"master":"bond0".*"name":"bond0".*"kind":"bond".*"addresses":\["10\.0\.2\.15/24"`,
		`RESULT "vlan=.* <nil> .*"name":"eth0\.0005".*"kind":"vlan","parent":"eth0","vlan":5.*"addresses":\["192\.0\.2\.5/24"`,
		`RESULT "bridge=.* <nil> .*"name":"br0".*"kind":"bridge","ports":\["vlan7"\].*"addresses":\["192\.0\.2\.6/24"`,
		`GUEST DONE`,
	} {
		if _, err := g.Console().Expect(ctx, want); err != nil {
			t.Fatal(err)
		}
	}
}
