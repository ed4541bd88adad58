package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"github.com/molt-installer/molt/cmd/loopctl/internal/cli"
	"github.com/molt-installer/molt/loopctl"
)

// binding is how attach, and serve, bind a file.
type binding struct {
	config loopctl.Config
	json   bool
}

func attachCommand() cli.Command {
	var b binding
	return cli.Command{
		Name:    "attach",
		Summary: "bind FILE to a free loop device and print the device's name",
		About:   "FILE is a regular file or a block device.",
		Args:    []cli.Arg{{Name: "FILE", Offers: cli.Offers{Files: true}}},
		Options: []cli.Option{
			cli.Switch(&b.config.ReadOnly, "read-only", "r", "make the device read-only, as \"switch\" needs it"),
			bytesOption(&b.config.Offset, "offset", "o", "leave out that much at the start of the file"),
			bytesOption(&b.config.SizeLimit, "sizelimit", "", "use no more than that of the file; the device can then be switched to a longer file or a partition"),
			sectorSize(&b.config.BlockSize),
			cli.Switch(&b.config.PartScan, "partscan", "P", "make devices of the partitions in the file; don't, if it is to be switched"),
			directIO(&b.config.DirectIO),
			cli.Text(&b.config.Name, "loop-ref", "", "NAME", "name in the device's status, at most 63 bytes; default: the file's"),
			jsonOption(&b.json),
		},
		Run: b.attach,
	}
}

func jsonOption(to *bool) cli.Option { return cli.Switch(to, "json", "J", "print JSON") }

func sectorSize(to *uint32) cli.Option {
	return cli.Option{Long: "sector-size", Short: "b", Arg: "BYTES", About: "logical sector size: a power of two from 512 to the page size",
		Offers: cli.Offers{Words: []string{"512", "1024", "2048", "4096"}}, Set: func(s string) error {
			n, err := strconv.ParseUint(s, 10, 32)
			if err != nil || n < 512 || n > uint64(os.Getpagesize()) || n&(n-1) != 0 {
				return fmt.Errorf("it is a power of two from 512 to %d", os.Getpagesize())
			}
			*to = uint32(n)
			return nil
		}}
}

func directIO(to *bool) cli.Option {
	return cli.Option{Long: "direct-io", Arg: "on|off", Bare: "on", About: "bypass the page cache of the file, where it can be done",
		Offers: cli.Offers{Words: []string{"on", "off"}}, Set: func(s string) error {
			if s != "on" && s != "off" {
				return errors.New("it is on or off")
			}
			*to = s == "on"
			return nil
		}}
}

func (b *binding) attach(ctx context.Context, args []string, s cli.Streams) error {
	d, err := b.bind(ctx, args[0])
	if err != nil {
		return err
	}
	defer d.Close()
	if b.json {
		return printStatus(s.Out, d)
	}
	_, err = fmt.Fprintln(s.Out, d.Path())
	return err
}

func (b *binding) bind(ctx context.Context, name string) (*loopctl.Device, error) {
	flags := os.O_RDWR
	if b.config.ReadOnly {
		flags = os.O_RDONLY
	}
	f, err := openFile(name, flags)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return loopctl.Attach(ctx, f, b.config)
}

// openFile doesn't wait for the other end of a pipe. The file is out of the sight of the runtime's
// poller, which a hanging FUSE server would stop, and the whole program with it.
func openFile(name string, flags int) (*os.File, error) {
	fd, err := syscall.Open(name, flags|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	for errors.Is(err, syscall.EINTR) {
		fd, err = syscall.Open(name, flags|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	}
	if err == nil {
		err = syscall.SetNonblock(fd, false)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}
