package linuxhost

import (
	"context"
	"errors"

	"github.com/molt-installer/molt/stage2/machine"
)

// Probe collects the facts of the machine whose root directory is root ("/").
func Probe(ctx context.Context, root string) (machine.Machine, error) {
	return machine.Machine{}, errors.New("not written yet")
}
