package plan

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/host"
)

// raid makes an array of md(4), mdadm(8). The array can be used at once; that its members become
// the same goes on by itself, and in the installed system where it was stopped.
type raid struct{ layered }

func (s raid) Run(ctx context.Context, env *Env) error {
	if err := s.check(env); err != nil {
		return err
	}
	loadModule(ctx, env, "md-mod")
	l := s.layer
	if l.Existing {
		if s.runs(ctx, env) {
			return nil
		}
		if err := env.Host.Remove(l.Device); err != nil { // a link that leads elsewhere by now
			return fmt.Errorf("put the array %s together: %w", l.Name, err)
		}
		args := append([]string{"mdadm", "--assemble", "--run", "--uuid", l.UUID, l.Device}, l.On...)
		if err := tool(ctx, env, "", args...); err != nil {
			return fmt.Errorf("put the array %s together: %w", l.Name, err)
		}
		return nil
	}
	if err := clear(ctx, env, l.On); err != nil {
		return err
	}
	if err := tool(ctx, env, "", mdadmArgs(l)...); err != nil {
		return fmt.Errorf("make the array %s: %w", l.Name, err)
	}
	// What earlier arrays left where the members hold data.
	if err := env.Host.Wipe(ctx, l.Device); err != nil {
		return fmt.Errorf("erase %s: %w", l.Device, err)
	}
	return nil
}

// runs reports whether the device is the array that is meant: its name can be one that an array of
// an earlier try left behind.
func (s raid) runs(ctx context.Context, env *Env) bool {
	if !exists(env, s.layer.Device) {
		return false
	}
	var facts strings.Builder
	c := host.Command{Args: []string{"mdadm", "--detail", "--export", s.layer.Device}, Env: host.WithoutUdev(), Stdout: &facts}
	return runIn(ctx, env, c) == nil && slices.Contains(strings.Fields(facts.String()), "MD_UUID="+s.layer.UUID)
}

// mdadmArgs make an array that every machine takes for its own (homehost "any"), so
// that its name is the same wherever the disks are.
func mdadmArgs(l Layer) []string {
	args := []string{
		"mdadm", "--create", l.Device, "--run", "--level", l.Level, "--metadata", l.Metadata,
		"--uuid", l.UUID, "--name", l.Name, "--homehost", "any", "--raid-devices", strconv.Itoa(len(l.On) - l.Spares),
	}
	if l.Spares > 0 {
		args = append(args, "--spare-devices", strconv.Itoa(l.Spares))
	}
	if l.ChunkKiB > 0 && l.Level != "1" {
		args = append(args, "--chunk", strconv.Itoa(l.ChunkKiB))
	}
	if !slices.Contains([]string{"0", "linear"}, l.Level) {
		args = append(args, "--bitmap", "internal") // or mdadm asks about large ones
	}
	return append(args, l.On...)
}
