package linuxhost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/host"
)

// EditTable implements host.Disks. sfdisk does it: it changes entries where they
// are, so that the others keep what nobody here knows of. What it left is compared
// all the same.
func (h *Host) EditTable(ctx context.Context, disk string, e host.Edit) error {
	todo, before, err := h.prepare(ctx, disk, e)
	if err != nil {
		return err
	}
	f, err := openExclusive(disk)
	if err != nil {
		return err
	}
	defer f.Close()
	g, err := blockGeometry(f)
	if err != nil {
		return err
	}
	if err := h.edit(ctx, disk, todo, g); err != nil {
		return fmt.Errorf("change the partition table of %s: %w", disk, err)
	}
	after, err := h.readTable(ctx, disk)
	if err != nil {
		return err
	}
	if err := before.verify(todo, after); err != nil {
		return fmt.Errorf("the partition table of %s is not as it should be: %w", disk, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write out the partition table of %s: %w", disk, err)
	}
	if err := tell(f, after.table(), g); err != nil {
		return fmt.Errorf("make the kernel take over the partition table of %s: %w", disk, err)
	}
	return awaitParts(ctx, disk, append(slices.Clone(e.Add), e.Resize...), g)
}

// prepare works out what is to be done to a disk that nothing uses, and erases
// the partitions that will go.
func (h *Host) prepare(ctx context.Context, disk string, e host.Edit) (todo host.Edit, before sfdiskTable, err error) {
	f, err := openExclusive(disk)
	if err != nil {
		return todo, before, err
	}
	before, err = h.takeUp(ctx, f)
	f.Close() // or its partitions would be in use
	if err != nil {
		return todo, before, err
	}
	if todo, err = before.todo(e); err != nil {
		return todo, before, fmt.Errorf("change the partition table of %s: %w", disk, err)
	}
	return todo, before, h.wipeParts(ctx, disk, todo.Delete)
}

// takeUp reads the table of disk f, and has the kernel know it as it is: an earlier try may
// have changed it and not told, and then the names are those of other partitions.
func (h *Host) takeUp(ctx context.Context, f *os.File) (sfdiskTable, error) {
	t, err := h.readTable(ctx, f.Name())
	if err != nil {
		return t, err
	}
	g, err := blockGeometry(f)
	if err != nil {
		return t, err
	}
	if err := tell(f, t.table(), g); err != nil {
		return t, fmt.Errorf("make the kernel take over the partition table of %s: %w", f.Name(), err)
	}
	return t, nil
}

// wipeParts removes the signatures from partitions that will go, or what is in
// them would turn up again in later ones.
func (h *Host) wipeParts(ctx context.Context, disk string, parts []host.TablePart) error {
	for _, p := range parts {
		node := partName(disk, p.Number)
		if _, err := os.Stat(node); isExtended(p.Type) || errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err := h.Wipe(ctx, node); err != nil {
			return fmt.Errorf("erase %s: %w", node, err)
		}
	}
	return nil
}

// edit runs sfdisk. Each run leaves a whole table behind.
func (h *Host) edit(ctx context.Context, disk string, e host.Edit, g geometry) error {
	if len(e.Delete) > 0 {
		args := []string{"--delete", disk}
		for _, p := range e.Delete {
			args = append(args, strconv.Itoa(p.Number))
		}
		if err := h.sfdisk(ctx, "", args...); err != nil {
			return err
		}
	}
	for _, p := range e.Resize {
		line := fmt.Sprintf("start=%d, size=%d\n", p.Start/g.sector, p.Size/g.sector)
		if err := h.sfdisk(ctx, line, "--partno", strconv.Itoa(p.Number), disk); err != nil {
			return err
		}
	}
	if len(e.Add) == 0 {
		return nil
	}
	return h.sfdisk(ctx, scriptLines(e.Add, g), "--append", disk)
}

// writeMBR writes a new dos table: go-diskfs knows no logical partitions.
func (h *Host) writeMBR(ctx context.Context, f *os.File, disk string, t host.Table) error {
	g, err := blockGeometry(f)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(make([]byte, 512), 0); err != nil { // boot code of another system
		return err
	}
	return h.sfdisk(ctx, "label: dos\nlabel-id: "+t.GUID+"\nunit: sectors\n"+scriptLines(t.Parts, g), disk)
}

// scriptLines are parts in sfdisk's own notation, sfdisk(8). Logical partitions are
// numbered by their order.
func scriptLines(parts []host.TablePart, g geometry) string {
	var b strings.Builder
	for i, p := range parts {
		if n := p.No(i); n <= 4 || p.GUID != "" {
			fmt.Fprintf(&b, "%d : ", n)
		}
		fmt.Fprintf(&b, "start=%d, size=%d, type=%s", p.Start/g.sector, p.Size/g.sector, strings.TrimPrefix(p.Type, "0x"))
		if p.GUID != "" {
			b.WriteString(", uuid=" + p.GUID)
		}
		if name := strings.NewReplacer(`"`, "", `\`, "", "\n", "").Replace(p.Name); name != "" && p.GUID != "" {
			b.WriteString(`, name="` + name + `"`)
		}
		if p.Active {
			b.WriteString(", bootable")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// sfdisk runs sfdisk and lets it neither ask nor tell the kernel: that is ours, one
// partition at a time.
func (h *Host) sfdisk(ctx context.Context, script string, args ...string) error {
	args = append([]string{"sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", "--wipe", "never", "--wipe-partitions", "never"}, args...)
	return h.Run(ctx, host.Command{Args: args, Stdin: script})
}

// readTable is the table that is there.
func (h *Host) readTable(ctx context.Context, disk string) (sfdiskTable, error) {
	var out bytes.Buffer
	if err := h.Run(ctx, host.Command{Args: []string{"sfdisk", "--json", disk}, Stdout: &out}); err != nil {
		return sfdiskTable{}, fmt.Errorf("read the partition table of %s: %w", disk, err)
	}
	var dump struct{ PartitionTable sfdiskTable }
	if err := json.Unmarshal(out.Bytes(), &dump); err != nil {
		return sfdiskTable{}, fmt.Errorf("read the partition table of %s: %w", disk, err)
	}
	t := dump.PartitionTable
	for i, p := range t.Partitions {
		n, err := strconv.Atoi(strings.TrimPrefix(strings.TrimPrefix(p.Node, disk), "p"))
		if err != nil {
			return sfdiskTable{}, fmt.Errorf("read the partition table of %s: %s has no number: %w", disk, p.Node, err)
		}
		t.Partitions[i].number = n
	}
	return t, nil
}
