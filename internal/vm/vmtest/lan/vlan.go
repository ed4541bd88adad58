package lan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/nstest"
	"github.com/molt-installer/molt/internal/vm"
)

// Trunk is a card on a port where only frames with the tag of one VLAN pass
// (IEEE 802.1Q); on the rest of the network they have none. It is done here since
// kernels of test machines can lack VLANs.
func (l *LAN) Trunk(vlan int) vm.NIC {
	l.t.Helper()
	l.ports++
	tap, err := openTap(fmt.Sprintf("port%d", l.ports))
	do(l.t, err)
	nstest.IP(l.t, fmt.Sprintf("link set port%d master switch up", l.ports))
	here, there := 40000+l.ports, 50000+l.ports
	cable, err := net.DialUDP("udp", local(here), local(there))
	do(l.t, err)
	var wg sync.WaitGroup
	wg.Go(func() { relay(cable, tap, func(f []byte) []byte { return untag(f, vlan) }) })
	wg.Go(func() { relay(tap, cable, func(f []byte) []byte { return tag(f, vlan) }) })
	l.t.Cleanup(func() { cable.Close(); tap.Close(); wg.Wait() })
	const at = "type=inet,%[1]s.host=127.0.0.1,%[1]s.port=%[2]d"
	return vm.NIC{
		Backend: fmt.Sprintf("dgram,local."+at+",remote.", "local", there) + fmt.Sprintf(at, "remote", here),
		MAC:     MAC(l.ports),
	}
}

func local(port int) *net.UDPAddr { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port} }

// openTap makes a tap device that is there until it is closed.
func openTap(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("make the tap device %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// relay passes frames on, changed, until from is closed. Frames that change to
// nothing are lost, as are those that nobody takes yet.
func relay(from, to interface {
	Read([]byte) (int, error)
	Write([]byte) (int, error)
}, change func([]byte) []byte) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil {
			continue // of a socket: its other end is not there yet
		}
		if frame := change(buf[:n]); frame != nil {
			_, _ = to.Write(frame)
		}
	}
}

const (
	addresses = 12     // bytes before the tag
	dot1q     = 0x8100 // what announces one
)

// tag puts a VLAN's tag into a frame.
func tag(frame []byte, vlan int) []byte {
	if len(frame) < addresses {
		return nil
	}
	out := append([]byte(nil), frame[:addresses]...)
	out = binary.BigEndian.AppendUint16(out, dot1q)
	out = binary.BigEndian.AppendUint16(out, uint16(vlan))
	return append(out, frame[addresses:]...)
}

// untag takes it out; nil for a frame that isn't of the VLAN.
func untag(frame []byte, vlan int) []byte {
	const length = 4
	if len(frame) < addresses+length || binary.BigEndian.Uint16(frame[addresses:]) != dot1q ||
		int(binary.BigEndian.Uint16(frame[addresses+2:])&0xfff) != vlan {
		return nil
	}
	return append(append([]byte(nil), frame[:addresses]...), frame[addresses+length:]...)
}
