// Package nfs mounts what NFS servers export without mount.nfs(8): it says with which
// protocols and options the kernel is asked, and what its answers mean.
//
// It mounts nothing itself, the caller does, read-only.
package nfs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/media"
)

// Mount has an export of src's server mounted, once the server has answered: the mount of
// one that hangs can't be ended. The protocols are tried in their order, the newest first, unless
// the source says which. mount gets the protocol's name, and mount(2)'s source and data for the file
// system type nfs.
func Mount(ctx context.Context, src media.Source, export string, mount func(version, source, options string) error) error {
	server, err := addressOf(ctx, src.Server)
	if err == nil {
		err = ping(ctx, net.JoinHostPort(server.String(), port(src)))
	}
	if err != nil {
		return err
	}
	return try(server, src, export, mount)
}

func try(server netip.Addr, src media.Source, export string, mount func(version, source, options string) error) error {
	host := server.String()
	if server.Is6() {
		host = "[" + host + "]"
	}
	var failed failures
	for _, v := range versions(src) {
		if v.below && !errors.Is(failed.last(), unix.EPROTONOSUPPORT) {
			continue
		}
		err := mount(v.name, host+":"+export, strings.Join(append(v.options(server), sane(src.Options)...), ","))
		if err == nil {
			return nil
		}
		failed = append(failed, fmt.Errorf("by NFS %s: %w", v.name, plainErrno(err)))
	}
	return failed
}

// failures is what each version said, on one line.
type failures []error

func (e failures) Unwrap() []error { return e }

func (e failures) last() error {
	if len(e) == 0 {
		return nil
	}
	return e[len(e)-1]
}

func (e failures) Error() string {
	words := make([]string, len(e))
	for i, err := range e {
		words[i] = err.Error()
	}
	return strings.Join(words, "; ")
}

// version is one way to mount.
type version struct {
	name  string
	below bool // for a server that doesn't know the one before
}

// versions are those to try. 4.2 has nothing for one who only reads but
// READ_PLUS, of which NFS-Ganesha before 6.2 makes garbage (its issue 1188).
func versions(src media.Source) []version {
	for _, o := range strings.Split(src.Options, ",") {
		if name, value, ok := strings.Cut(o, "="); ok && (name == "vers" || name == "nfsvers") {
			return []version{{name: value}}
		}
	}
	v4 := []version{{name: "4.1"}, {name: "4.0", below: true}}
	if src.Scheme == "nfs4" {
		return v4
	}
	return append(v4, version{name: "3"})
}

// options are those of nfs(5), as the kernel itself reads them. A server that
// doesn't answer is asked on and on, and reads wait for it: an error would be one of
// the medium. The kernel says so after half a minute (timeo; 3 minutes by default).
// Locks make no sense on what is only read.
func (v version) options(server netip.Addr) []string {
	list := []string{"vers=" + v.name, "addr=" + server.String(), "hard", "timeo=100"}
	if v.name == "3" {
		return append(list, "nolock", "proto=tcp", "mountproto=tcp", "mountaddr="+server.String())
	}
	return append(list, "clientaddr=0.0.0.0")
}

// sane are the options of a source, but for the version.
func sane(options string) []string {
	var list []string
	for _, o := range strings.Split(options, ",") {
		name, _, _ := strings.Cut(o, "=")
		if o != "" && name != "vers" && name != "nfsvers" && name != "addr" {
			list = append(list, o)
		}
	}
	return list
}

// plainErrno says what mount(2) means when it is asked for NFS.
func plainErrno(err error) error {
	for errno, words := range map[unix.Errno]string{
		unix.ECONNREFUSED:    "connection refused: no NFS server there, or not this version of NFS",
		unix.EPROTONOSUPPORT: "the server doesn't know this version of NFS",
		unix.EACCES:          "access denied by the server: is that exported to this machine?",
		unix.ENOENT:          "there is no such export",
		unix.ETIMEDOUT:       "no answer",
		unix.EHOSTUNREACH:    "no route to the server",
		unix.ENETUNREACH:     "no route to the server",
		unix.ENODEV:          "no driver for NFS here",
	} {
		if errors.Is(err, errno) {
			return fmt.Errorf("%s (%w)", words, errno)
		}
	}
	return err
}
