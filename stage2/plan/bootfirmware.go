package plan

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/host"
)

// part is a partition of the new system, as efibootmgr(8) names it.
type part struct {
	mount  string // "/boot/efi"
	disk   string // empty when it is on several, or on none that is known
	number int
	guid   string // of the partition
}

// enter makes a boot entry that is in no order: efibootmgr(8). The one of an earlier try is as good.
func (s bootloader) enter(ctx context.Context, env *Env) error {
	e := s.esp
	if e.disk == "" {
		return fmt.Errorf("%s is on no single partition", e.mount)
	}
	var entries strings.Builder
	if err := runIn(ctx, env, host.Command{Args: []string{"efibootmgr", "--verbose"}, Stdout: &entries}); err != nil {
		return err
	}
	for line := range strings.Lines(entries.String()) {
		if strings.Contains(line, " "+s.vendor+"\t") && e.guid != "" && strings.Contains(strings.ToLower(line), strings.ToLower(e.guid)) {
			return nil
		}
	}
	return run(ctx, env, "efibootmgr", "--create-only", "--disk", e.disk, "--part", strconv.Itoa(e.number), "--label", s.vendor, "--loader", s.loader(env, e))
}

// loader is what grub-install has put below the vendor's name: shim before GRUB where there
// is one.
func (s bootloader) loader(env *Env, e part) string {
	suffix := "x64.efi"
	if s.arch == "arm64" {
		suffix = "aa64.efi"
	}
	for _, name := range []string{"shim", "grub"} {
		if exists(env, Target+e.mount+"/EFI/"+s.vendor+"/"+name+suffix) {
			return `\EFI\` + s.vendor + `\` + name + suffix
		}
	}
	return `\EFI\` + s.vendor + `\grub` + suffix
}

// partOf says which partition v is.
func (b *builder) partOf(v Volume) part {
	e := part{mount: v.Mount}
	for _, d := range b.plan.Disks {
		if i := slices.IndexFunc(d.Parts, func(p Volume) bool { return p.Device == v.Device }); i >= 0 {
			e.disk, e.number, e.guid = d.Path, d.Parts[i].Number, d.Parts[i].GUID
		}
	}
	return e
}
