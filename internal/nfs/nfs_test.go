package nfs

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/media"
)

// TestTry: a version further down is for a server that doesn't know the
// one above, and what is asked for is all that is tried.
func TestTry(t *testing.T) {
	no := map[string]error{"4.1": unix.EPROTONOSUPPORT, "4.0": unix.ENOENT, "3": unix.EACCES}
	tests := []struct {
		source  string
		refuse  map[string]error
		want    string // what was tried
		problem string
	}{
		{"nfs:10.0.0.1:/x", no, "4.1 4.0 3", "by NFS 4.1: the server doesn't know this version of NFS (protocol not supported); by NFS 4.0: there is no such export"},
		{"nfs:10.0.0.1:/x", map[string]error{"4.1": unix.ENOENT}, "4.1 3", ""},
		{"nfs4:10.0.0.1:/x", map[string]error{"4.1": unix.ENOENT}, "4.1", "by NFS 4.1: there is no such export (no such file or directory)"},
		{"nfs:vers=4.2,rsize=8192:10.0.0.1:/x", nil, "4.2", ""},
		{"nfs:nfsvers=3:10.0.0.1:/x", no, "3", "by NFS 3: access denied"},
	}
	for _, tt := range tests {
		src, err := media.ParseSource(tt.source)
		if err != nil {
			t.Fatal(err)
		}
		var tried []string
		server, _ := addressOf(t.Context(), src.Server)
		err = try(server, src, src.Path, func(version, source, options string) error {
			tried = append(tried, version)
			if source != "10.0.0.1:/x" || !strings.HasPrefix(options, "vers="+version+",") {
				t.Errorf("%s: mount(2) gets %s, %s", tt.source, source, options)
			}
			return tt.refuse[version]
		})
		if diff := cmp.Diff(tt.want, strings.Join(tried, " ")); diff != "" {
			t.Errorf("%s: tried %s", tt.source, diff)
		}
		if (err != nil) != (tt.problem != "") || err != nil && !strings.HasPrefix(err.Error(), tt.problem) {
			t.Errorf("%s: %v, want %q", tt.source, err, tt.problem)
		}
	}
}

// TestPing: what keeps a mount from hanging.
func TestPing(t *testing.T) {
	tests := []struct {
		name string
		do   func(net.Conn)
		want string
	}{
		{"answers", func(c net.Conn) {
			call := make([]byte, 44)
			if _, err := io.ReadFull(c, call); err == nil {
				c.Write(append(call[:8], make([]byte, 20)...))
			}
		}, ""},
		{"ends", func(net.Conn) {}, "the server ends the connection"},
		{"something else", func(c net.Conn) { io.ReadFull(c, make([]byte, 44)); c.Write([]byte("220 ftp ready\r\n")) }, "no NFS server"},
		{"hangs", func(c net.Conn) { io.Copy(io.Discard, c) }, "doesn't answer: it hangs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			done := make(chan struct{})
			go func() {
				defer close(done)
				if c, err := l.Accept(); err == nil {
					tt.do(c)
					c.Close()
				}
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			err = ping(ctx, l.Addr().String())
			if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			<-done
		})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := ping(t.Context(), l.Addr().String()); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("nobody listens: %v", err)
	}
}
