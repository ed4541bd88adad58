package nfs

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/media"
)

// patience is how long a server may send nothing.
const patience = 20 * time.Second

// Ping has the server of src answer: anything, also that it doesn't know this version.
func Ping(ctx context.Context, src media.Source) error {
	return ping(ctx, net.JoinHostPort(src.Server, port(src)))
}

// addressOf is a numeric address: the kernel knows no names.
func addressOf(ctx context.Context, host string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a, nil
	}
	list, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, err
	}
	return list[0].Unmap(), nil
}

func port(src media.Source) string {
	for _, o := range strings.Split(src.Options, ",") {
		if port, ok := strings.CutPrefix(o, "port="); ok {
			return port
		}
	}
	return "2049"
}

func ping(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return plainDial(err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	call := nullCall()
	answer := make([]byte, 8) // a record mark and the call's id
	if _, err = c.Write(call); err == nil {
		_, err = io.ReadFull(c, answer)
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("the server takes connections but doesn't answer: it hangs")
	case err != nil:
		return fmt.Errorf("the server ends the connection: is that an NFS server? (%w)", err)
	case !bytes.Equal(answer[4:], call[4:8]):
		return errors.New("what answers there is no NFS server")
	}
	return nil
}

// plainDial is the reason of an error of the net package, without what was dialled.
func plainDial(err error) error {
	var errno unix.Errno
	var timeout net.Error
	switch {
	case errors.As(err, &errno):
		return plainErrno(errno)
	case errors.As(err, &timeout) && timeout.Timeout():
		return plainErrno(unix.ETIMEDOUT)
	}
	return err
}

// nullCall is a call of NFS's procedure 0, which does nothing, as one record
// (RFC 5531, 9 and 11; RFC 1813, 3.3.0).
func nullCall() []byte {
	const (
		last, length = 1 << 31, 40
		id           = 0x6d6f6c74
		call         = 0
		version      = 2
		nfs, nfs3    = 100003, 3
	)
	var b []byte
	for _, word := range [11]uint32{last | length, id, call, version, nfs, nfs3} { // the rest is no procedure, no credentials
		b = binary.BigEndian.AppendUint32(b, word)
	}
	return b
}
