package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

var (
	errNoISO    = errors.New("no ISO 9660 file system") // as far as could be read
	errTooLarge = errors.New("is too large")
)

const (
	isoBlock  = 2048
	isoMaxDir = 8 << 20 // no root directory of a real disc comes near
)

// iso is just enough of an ISO 9660 file system (ECMA-119, with Rock Ridge
// names) to find a file and to read a small one in its root directory.
type iso struct {
	r     io.ReaderAt
	label string
	root  isoExtent
	skip  int // SUSP: bytes to skip in every system use area
}

type isoExtent struct{ start, size int64 } // bytes

// openISO reads the primary volume descriptor. errNoISO: there is none; other
// errors are the reader's.
func openISO(r io.ReaderAt) (*iso, error) {
	var pvd [isoBlock]byte
	for n := int64(16); n < 32; n++ {
		if _, err := r.ReadAt(pvd[:], n*isoBlock); err != nil {
			return nil, notISO(err)
		}
		if string(pvd[1:6]) != "CD001" || pvd[0] == 255 {
			return nil, errNoISO
		}
		if pvd[0] == 1 {
			return newISO(r, pvd[:])
		}
	}
	return nil, errNoISO
}

// notISO tells a medium that is too short from one that can't be read.
func notISO(err error) error {
	if errors.Is(err, io.EOF) {
		return errNoISO
	}
	return err
}

func newISO(r io.ReaderAt, pvd []byte) (*iso, error) {
	if n := binary.LittleEndian.Uint16(pvd[128:]); n != isoBlock {
		return nil, fmt.Errorf("ISO 9660 with blocks of %d bytes: %w", n, errNoISO)
	}
	v := &iso{r: r, label: strings.TrimRight(string(pvd[40:72]), " \x00"), root: isoExtentOf(pvd[156:190])}
	if v.root.size > isoMaxDir {
		return nil, fmt.Errorf("ISO 9660 with a root directory of %d bytes: %w", v.root.size, errNoISO)
	}
	return v, nil
}

func isoExtentOf(record []byte) isoExtent {
	return isoExtent{
		start: int64(binary.LittleEndian.Uint32(record[2:])) * isoBlock,
		size:  int64(binary.LittleEndian.Uint32(record[10:])),
	}
}

// readFile is the content of a file in the root directory, limit bytes at
// most (else errTooLarge); nil when there is none of that name.
func (v *iso) readFile(name string, limit int64) ([]byte, error) {
	e, err := v.lookup(v.root, name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && e.dir {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if e.size > limit {
		return nil, fmt.Errorf("%s %w: %d bytes", name, errTooLarge, e.size)
	}
	return v.read(e.isoExtent)
}

func (v *iso) read(e isoExtent) ([]byte, error) {
	data := make([]byte, e.size)
	if n, err := v.r.ReadAt(data, e.start); n < len(data) {
		return nil, err
	}
	return data, nil
}

// isoRecord is the directory record that dir begins with, or nil.
func isoRecord(dir []byte) []byte {
	n := int(dir[0])
	if n < 34 || n > len(dir) || 33+int(dir[32]) > n {
		return nil
	}
	return dir[:n]
}

// named reports whether record is that of a file with this name: by its Rock
// Ridge name if there is one, else by that of ISO 9660 ("NAME.;1").
func (v *iso) named(record []byte, name string) bool {
	id := string(record[33 : 33+int(record[32])])
	switch id {
	case "\x00": // the directory itself
		v.readSP(systemUse(record))
		return false
	case "\x01": // the one above
		return false
	}
	if long := rockRidgeName(v.susp(record)); long != "" {
		return long == name
	}
	id, _, _ = strings.Cut(id, ";")
	return strings.EqualFold(strings.TrimSuffix(id, "."), name)
}

func systemUse(record []byte) []byte {
	n := 33 + int(record[32])
	n += n & 1 // padded to an even offset
	return record[min(n, len(record)):]
}

// readSP finds how many bytes the root directory's SP entry says to skip (SUSP 5.3).
func (v *iso) readSP(area []byte) {
	if len(area) >= 7 && bytes.HasPrefix(area, []byte("SP\x07\x01\xbe\xef")) {
		v.skip = int(area[6])
	}
}

// rockRidgeName joins the NM entries of a system use area (RRIP 4.1.4).
func rockRidgeName(entries [][]byte) string {
	var name strings.Builder
	for _, entry := range entries {
		if string(entry[:2]) == "NM" && len(entry) > 5 {
			name.Write(entry[5:])
		}
	}
	return name.String()
}

// susp are the entries of a record's system use area, with those that it
// goes on with elsewhere.
func (v *iso) susp(record []byte) [][]byte {
	area := systemUse(record)
	area = area[min(v.skip, len(area)):]
	var all [][]byte
	for hops := 0; area != nil && hops < 4; hops++ {
		var next []byte
		for _, entry := range suspEntries(area) {
			all = append(all, entry)
			if string(entry[:2]) == "CE" && len(entry) >= 28 {
				next = entry
			}
		}
		area = v.continuation(next)
	}
	return all
}

// suspEntries takes a system use area apart: two letters, length, version, data.
func suspEntries(area []byte) [][]byte {
	var entries [][]byte
	for len(area) >= 4 && int(area[2]) >= 4 && int(area[2]) <= len(area) {
		entries = append(entries, area[:area[2]])
		area = area[area[2]:]
	}
	return entries
}

// continuation reads where a CE entry points to (SUSP 5.1).
func (v *iso) continuation(ce []byte) []byte {
	if ce == nil {
		return nil
	}
	le := binary.LittleEndian.Uint32
	start, size := int64(le(ce[4:]))*isoBlock+int64(le(ce[12:])), int64(le(ce[20:]))
	area, err := v.read(isoExtent{start, min(size, isoBlock)})
	if err != nil {
		return nil
	}
	return area
}
