package media

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// ISO is an ISO 9660 file system whose files are read without mounting it,
// for an image that is not on this machine.
type ISO struct {
	Label string
	root  isoExtent
}

// OpenISO reads the volume descriptor of the image that r reads. What r says besides
// io.EOF is returned as it is.
func OpenISO(r io.ReaderAt) (*ISO, error) {
	v, err := openISO(r)
	if err != nil {
		return nil, err
	}
	return &ISO{Label: v.label, root: v.root}, nil
}

// Find says where in the image the file with that name lies: from start on,
// size bytes, in one piece. name is relative, with slashes. There is fs.ErrNotExist for a
// name that isn't there or is no file's; other errors are r's, or say what about the
// file is not understood: symbolic links, compression, pieces apart from one another.
func (v *ISO) Find(r io.ReaderAt, name string) (start, size int64, err error) {
	at := isoEntry{isoExtent: v.root, dir: true}
	disc := iso{r: r, root: v.root}
	for _, word := range strings.Split(name, "/") {
		if !at.dir {
			return 0, 0, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		}
		if at, err = disc.lookup(at.isoExtent, word); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", name, err)
		}
	}
	if at.dir {
		return 0, 0, fmt.Errorf("%s is a directory: %w", path.Base(name), fs.ErrNotExist)
	}
	return at.start, at.size, nil
}

// isoEntry is a file or directory.
type isoEntry struct {
	isoExtent
	dir bool
}

// File flags of a directory record (ECMA-119 9.1.6).
const (
	isoDirectory  = 0x02
	isoAssociated = 0x04
	isoMore       = 0x80 // the next record goes on with the same file
)

// lookup finds a name in the directory at e; fs.ErrNotExist if there is none.
func (v *iso) lookup(e isoExtent, name string) (isoEntry, error) {
	if e.size > isoMaxDir {
		return isoEntry{}, fmt.Errorf("a directory of %d bytes: %w", e.size, errNoISO)
	}
	dir, err := v.read(e)
	if err != nil {
		return isoEntry{}, err
	}
	var found *isoEntry
	for at := 0; at < len(dir); {
		record := isoRecord(dir[at:])
		if record == nil { // the rest of a block is empty
			at += isoBlock - at%isoBlock
			continue
		}
		at += len(record)
		flags := record[25]
		if flags&isoAssociated != 0 || !v.named(record, name) {
			continue
		}
		if err := v.understood(record); err != nil {
			return isoEntry{}, err
		}
		if found, err = found.with(record); err != nil || flags&isoMore == 0 {
			return *found, err
		}
	}
	if found != nil {
		return isoEntry{}, errors.New("its last piece is missing in the directory")
	}
	return isoEntry{}, fs.ErrNotExist
}

// with is e with one more piece.
func (e *isoEntry) with(record []byte) (*isoEntry, error) {
	next := isoEntry{isoExtentOf(record), record[25]&isoDirectory != 0}
	if e == nil {
		return &next, nil
	}
	if next.start != e.start+e.size || next.dir || e.dir {
		return e, errors.New("its pieces do not follow one another, which is not supported")
	}
	next.start, next.size = e.start, e.size+next.size
	return &next, nil
}

// understood refuses what has its content elsewhere (RRIP 4.1.3, 4.1.5) or in another form.
func (v *iso) understood(record []byte) error {
	if record[26] != 0 || record[27] != 0 {
		return errors.New("it is interleaved, which is not supported")
	}
	words := map[string]string{"SL": "a symbolic link", "CL": "a relocated directory", "ZF": "compressed by zisofs"}
	for _, entry := range v.susp(record) {
		if what := words[string(entry[:2])]; what != "" {
			return fmt.Errorf("it is %s, which is not supported", what)
		}
	}
	return nil
}
