package stage1

import (
	"context"
	"errors"
	"fmt"

	"github.com/anatol/devmapper.go"
	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/media/verity"
)

// mapper puts dm-verity over block devices.
type mapper interface {
	// Protect makes a device of the data on another, from which only what the
	// root of the hash tree behind the data covers can be read: everything else
	// is an I/O error.
	Protect(ctx context.Context, device string, p verity.Params) (string, error)
	// Unprotect removes a device that Protect made.
	Unprotect(device string) error
}

// kernelMapper is the real mapper: the target "verity" of
// Documentation/admin-guide/device-mapper/verity.rst.
type kernelMapper struct{ load func(name string) }

// mapped is the device mapper's name for the protected image.
const mapped = "molt-stage2"

func (k kernelMapper) Protect(_ context.Context, device string, p verity.Params) (string, error) {
	if k.load != nil {
		k.load("dm-verity")
	}
	table := devmapper.VerityTable{
		Length: uint64(p.Data()), HashType: 1, DataDevice: device, HashDevice: device,
		DataBlockSize: verity.BlockSize, HashBlockSize: verity.BlockSize,
		NumDataBlocks: uint64(p.Blocks), HashStartBlock: uint64(p.Blocks),
		Algorithm: "sha256", Digest: p.Root, Salt: "-",
	}
	if err := devmapper.CreateAndLoad(mapped, mapped, devmapper.ReadOnlyFlag, table); err != nil {
		return "", fmt.Errorf("put dm-verity over %s: %w", device, err)
	}
	info, err := devmapper.InfoByName(mapped)
	if err != nil {
		return "", errors.Join(fmt.Errorf("find the device over %s: %w", device, err), devmapper.Remove(mapped))
	}
	return fmt.Sprintf("/dev/dm-%d", unix.Minor(info.DevNo)), nil
}

func (kernelMapper) Unprotect(device string) error {
	err := devmapper.Remove(mapped)
	if err != nil && !errors.Is(err, unix.ENXIO) { // ENXIO: it is gone
		return fmt.Errorf("remove %s: %w", device, err)
	}
	return nil
}
