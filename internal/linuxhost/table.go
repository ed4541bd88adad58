package linuxhost

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/diskfs/go-diskfs/partition/gpt"
	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/stage2/host"
)

// WriteTable implements host.Disks.
func (h *Host) WriteTable(ctx context.Context, disk string, t host.Table) error {
	f, err := openExclusive(disk)
	if err != nil {
		return err
	}
	defer f.Close()
	g, err := blockGeometry(f)
	if err != nil {
		return err
	}
	if t.Kind == "dos" {
		err = h.writeMBR(ctx, f, disk, t)
	} else {
		err = writeGPT(f, t, g)
	}
	if err != nil {
		return fmt.Errorf("write the partition table of %s: %w", disk, err)
	}
	if err := rescan(f, t, g); err != nil {
		return fmt.Errorf("make the kernel read the partition table of %s: %w", disk, err)
	}
	return awaitParts(ctx, disk, t.Parts, g)
}

// openExclusive opens a block device that nothing else uses: no mount, no RAID
// or LVM on it or on one of its partitions.
func openExclusive(device string) (*os.File, error) {
	f, err := os.OpenFile(device, os.O_RDWR|os.O_EXCL, 0)
	if errors.Is(err, unix.EBUSY) {
		return nil, busy(device)
	}
	return f, err
}

// geometry of a disk, in bytes.
type geometry struct {
	size   int64
	sector int64 // logical
}

func blockGeometry(f *os.File) (geometry, error) {
	sector, err := unix.IoctlGetInt(int(f.Fd()), unix.BLKSSZGET)
	if err != nil {
		return geometry{}, &os.PathError{Op: "BLKSSZGET", Path: f.Name(), Err: err}
	}
	size, err := f.Seek(0, 2)
	return geometry{size, int64(sector)}, err
}

// toGPT checks a table against a disk and turns it into go-diskfs's form.
func toGPT(t host.Table, g geometry) (*gpt.Table, error) {
	table := &gpt.Table{LogicalSectorSize: int(g.sector), PhysicalSectorSize: int(g.sector), GUID: t.GUID}
	// 128 entries of 128 bytes and a header at each end; at the start the protective MBR besides.
	ends := g.sector + 128*128
	free := g.sector + ends
	for i, p := range t.Parts {
		switch {
		case p.Start%g.sector != 0 || p.Size%g.sector != 0 || p.Size <= 0:
			return nil, fmt.Errorf("partition %d: start %d and size %d must be multiples of %d", p.No(i), p.Start, p.Size, g.sector)
		case p.Start < free:
			return nil, fmt.Errorf("partition %d: starts at %d, before %d where the one before it ends", p.No(i), p.Start, free)
		case p.Start+p.Size > g.size-ends:
			return nil, fmt.Errorf("partition %d: ends at %d, after the last usable byte %d", p.No(i), p.Start+p.Size, g.size-ends)
		}
		free = p.Start + p.Size
		table.Partitions = append(table.Partitions, &gpt.Partition{
			Index: p.No(i),
			Start: uint64(p.Start / g.sector),
			End:   uint64((p.Start+p.Size)/g.sector) - 1,
			Type:  gpt.Type(p.Type), GUID: p.GUID, Name: p.Name,
		})
	}
	return table, nil
}

func writeGPT(f *os.File, t host.Table, g geometry) error {
	table, err := toGPT(t, g)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(protectiveMBR(g), 0); err != nil {
		return err
	}
	return table.Write(f, g.size)
}

// protectiveMBR is the first sector of a GPT disk (UEFI specification 5.2.3),
// without boot code: what was there before belongs to another system.
// go-diskfs's own has a wrong size on disks of 2 TiB and more.
func protectiveMBR(g geometry) []byte {
	mbr := make([]byte, 512)
	entry := mbr[446:]
	copy(entry, []byte{0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff})
	binary.LittleEndian.PutUint32(entry[8:], 1)
	binary.LittleEndian.PutUint32(entry[12:], uint32(min(g.size/g.sector-1, 0xffffffff)))
	mbr[510], mbr[511] = 0x55, 0xaa
	return mbr
}
