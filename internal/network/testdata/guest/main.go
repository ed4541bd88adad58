// Command guest is /init of a guest with one card: it brings the network up in
// several ways, one after the other, and says what came of each.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/network"
	"github.com/molt-installer/molt/internal/vm/vmtest/guestinit"
)

func main() {
	tty := guestinit.Start("virtio_pci", "virtio_net", "bonding", "8021q", "bridge")
	var m network.Manager
	for _, line := range []string{
		"",
		"bond=bond0:eth0:mode=active-backup,miimon=100 ip=bond0:dhcp",
		"vlan=eth0.0005:eth0 ip=192.0.2.5:::24::eth0.0005:none",
		"bridge=br0:vlan7 vlan=vlan7:bond0 bond=bond0:eth0 ip=192.0.2.6:::24::br0:none",
	} {
		o, _ := bootargs.Parse(line)
		start := time.Now()
		n, err := m.Up(context.Background(), network.Config{
			Options: o, Tell: func(s network.State) { fmt.Fprintf(tty, "STATE %s\n", s) }, ResolvConf: "/resolv.conf",
		})
		text, _ := json.Marshal(n)
		fmt.Fprintf(tty, "RESULT %q %v %s after %v\n", line, err, text, time.Since(start).Round(time.Millisecond))
	}
	m.Down()
	fmt.Fprintln(tty, "GUEST DONE")
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}
