package mediatest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"net"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	ftpserver "github.com/fclairamb/ftpserverlib"
	"github.com/spf13/afero"
)

// FTP serves s on loopback until the test ends, and returns host:port. A user who is named
// needs the password; otherwise everybody may log in.
func FTP(t testing.TB, s *Store, user, password string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &ftpDriver{s: s, user: user, password: password, listener: listener}
	server := ftpserver.NewFtpServer(d)
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		if err := server.Serve(); err != nil {
			t.Errorf("FTP server: %v", err)
		}
	})
	t.Cleanup(func() {
		server.Stop()
		done.Wait()
	})
	return listener.Addr().String()
}

// ftpDriver is what ftpserverlib asks.
type ftpDriver struct {
	s              *Store
	user, password string
	listener       net.Listener
}

func (d *ftpDriver) GetSettings() (*ftpserver.Settings, error) {
	return &ftpserver.Settings{Listener: d.listener, DisableActiveMode: true, DefaultTransferType: ftpserver.TransferTypeBinary}, nil
}

func (d *ftpDriver) ClientConnected(ftpserver.ClientContext) (string, error) { return "mediatest", nil }
func (d *ftpDriver) ClientDisconnected(ftpserver.ClientContext)              {}
func (d *ftpDriver) GetTLSConfig() (*tls.Config, error)                      { return nil, errors.New("no TLS") }

func (d *ftpDriver) AuthUser(_ ftpserver.ClientContext, user, password string) (ftpserver.ClientDriver, error) {
	if d.user != "" && (user != d.user || password != d.password) {
		return nil, errors.New("login incorrect")
	}
	return &ftpFiles{Fs: afero.NewMemMapFs(), s: d.s}, nil
}

// ftpFiles are the store's files for one client; the embedded file system is for
// what nobody asks here.
type ftpFiles struct {
	afero.Fs
	s *Store
	// told is the file that the last SIZE or MDTM was about, which a RETR then sends, whatever became of
	// it meanwhile: a change between the two can't be seen by a client, and is no part of a fault.
	told reader
}

func (f *ftpFiles) Stat(name string) (os.FileInfo, error) {
	r, ok := f.s.reader(strings.TrimPrefix(name, "/"))
	if !ok {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	f.told = *r
	return info{path.Base(name), r.it}, nil
}

// info is a file whose time is its content's.
type info struct {
	name string
	it   Item
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return int64(len(i.it.Data)) }
func (i info) Mode() fs.FileMode  { return 0o644 }
func (i info) IsDir() bool        { return false }
func (i info) Sys() any           { return nil }
func (i info) ModTime() time.Time { return time.Unix(int64(crc32.ChecksumIEEE(i.it.Data)), 0) }

func (f *ftpFiles) GetHandle(name string, flags int, offset int64) (ftpserver.FileTransfer, error) {
	r, ok := f.s.reader(strings.TrimPrefix(name, "/"))
	if ok && f.told.name == r.name {
		r = &reader{bytes.NewReader(f.told.it.Data), f.s, r.name, f.told.it}
	}
	f.told = reader{}
	switch {
	case !ok:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case r.it.Fault == Forbidden || flags&(os.O_WRONLY|os.O_RDWR) != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	if _, err := r.Seek(offset, 0); err != nil {
		return nil, fmt.Errorf("seek in %s: %w", name, err)
	}
	return transfer{r}, nil
}

// transfer is a reader as ftpserverlib wants it, and no more: WriteTo would go around Read.
type transfer struct{ r *reader }

func (t transfer) Read(p []byte) (int, error)              { return t.r.Read(p) }
func (t transfer) Seek(off int64, from int) (int64, error) { return t.r.Seek(off, from) }
func (transfer) Write([]byte) (int, error)                 { return 0, fs.ErrPermission }
func (transfer) Close() error                              { return nil }
