package media

import (
	"context"
	"errors"
	"io"
)

var errTODO = errors.New("media: not written yet")

func ParseDiscInfo(data []byte) (DiscInfo, error)     { return DiscInfo{}, errTODO }
func (d DiscInfo) String() string                     { return "" }
func (d DiscInfo) WriteTo(w io.Writer) (int64, error) { return 0, errTODO }

// TreeInfo is a .treeinfo file.
type TreeInfo struct {
	Family, Version, Arch, Variant string
	Timestamp                      int64 // seconds since 1970
	Disc, Discs                    int
	Kernel, Initrd                 string            // [images-Arch]
	MainImage                      string            // [stage2] mainimage
	Checksums                      map[string]string // path → SHA-256, lower-case hex
}

func ParseTreeInfo(data []byte) (TreeInfo, error)     { return TreeInfo{}, errTODO }
func (t TreeInfo) String() string                     { return "" }
func (t TreeInfo) WriteTo(w io.Writer) (int64, error) { return 0, errTODO }

// Status is what a drive says about itself (CDROM_DRIVE_STATUS).
type Status int

const (
	StatusNoInfo Status = iota
	StatusNoDisc
	StatusTrayOpen
	StatusNotReady
	StatusDiscOK
)

var ErrInUse = errors.New("in use")

// Drive is an open optical drive.
type Drive struct{}

func OpenDrive(path string) (*Drive, error) { return nil, errTODO }
func (d *Drive) Close() error               { return errTODO }
func (d *Drive) Status() (Status, error)    { return 0, errTODO }
func (d *Drive) Lock() error                { return errTODO }
func (d *Drive) Unlock() error              { return errTODO }
func (d *Drive) Changed() (bool, error)     { return false, errTODO }

// Eject opens the tray of the drive at path; nil means it is open. ErrInUse: something has the disc open or mounted.
func Eject(path string) error { return errTODO }

// Drives are the optical drives ("/dev/sr0") of the machine whose root directory is root ("/").
func Drives(root string) ([]string, error) { return nil, errTODO }

// Look says what is in the drive (or image file) at path.
func Look(ctx context.Context, path string) (Disc, error) { return Disc{}, errTODO }

// Watch notices changes in drives.
type Watch struct{}

func NewWatch() (*Watch, error)                                      { return nil, errTODO }
func (w *Watch) Close() error                                        { return errTODO }
func (w *Watch) Look(ctx context.Context, path string) (Disc, error) { return Disc{}, errTODO }

// Await returns when a drive's state differs from when w.Look last looked.
func (w *Watch) Await(ctx context.Context, drives []string) error { return errTODO }

// Volume is a disk or partition with what its superblock says.
type Volume struct {
	Path   string // "/dev/sda1"
	Size   int64
	FSType string // blkid's names
	Label  string
	UUID   string
}

// Volumes are all disks, partitions and optical drives under root ("/").
func Volumes(root string) ([]Volume, error) { return nil, errTODO }

// ReadVolume reads the superblock of a file system in r; the zero Volume says that there is none that is known.
func ReadVolume(r io.ReaderAt, size int64) Volume { return Volume{} }

// Source is what inst.stage2= and inst.repo= name.
type Source struct {
	Scheme string // "cdrom", "hd", "file"
	Device string // "/dev/sr0", "/dev/sda1", "LABEL=OEMDRV", "UUID=…"; empty: any
	Path   string // on the device, or the file
}

func ParseSource(s string) (Source, error) { return Source{}, errTODO }
func (s Source) String() string            { return "" }

// Match reports whether v is the device that an hd: source names.
func (s Source) Match(v Volume) bool { return false }

// URLError is a source that can't be parsed; ErrUnsupported when it is not supported yet.
type URLError struct {
	URL string
	Err error
}

func (e *URLError) Error() string { return e.URL + ": " + e.Err.Error() }
func (e *URLError) Unwrap() error { return e.Err }

var ErrUnsupported = errors.New("not supported yet")
