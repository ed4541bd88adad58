package plan

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/machine"
)

// barWidth is that of the picture of a disk, borders included. With what stands
// before it a line has 76 columns.
const barWidth = 68

// segment is a part of a disk in its picture.
type segment struct {
	start, size int64
	name        string // shortened where it has to be
}

// Pictures show d as it is and as it will be, a bar of ASCII each, in which
// lengths are in proportion as far as names have room.
func Pictures(d Disk) (now, then string) {
	before := make([]segment, 0, len(d.Before))
	for _, p := range d.Before {
		if p.Use() != "extended" {
			before = append(before, segment{p.Start, p.Size, segmentName(p.Number, cmp.Or(heldBy(p.Label, p.FSType), p.Use()))})
		}
	}
	if d.Table == "" {
		before = append(before, segment{0, d.Size, cmp.Or(d.Parts[0].Label, d.Parts[0].FSType)})
	}
	if len(d.Before) == 0 && d.LostFS != "" {
		before = append(before, segment{0, d.Size, cmp.Or(d.LostLabel, d.LostFS)})
	}
	var after []segment
	for _, v := range d.Parts {
		if v.Type != "0x5" && v.Type != "0xf" && v.Type != "0x85" {
			after = append(after, segment{v.Start, v.Size, segmentName(v.Number, segmentUse(v))})
		}
	}
	return bar(before, d.Size), bar(after, d.Size)
}

func segmentName(number int, use string) string {
	if number == 0 {
		return use
	}
	return strings.TrimSpace(strconv.Itoa(number) + " " + use)
}

func segmentUse(v Volume) string {
	switch {
	case v.Mount != "" && v.Mount != "none":
		return v.Mount
	}
	return heldBy(v.Label, v.FSType)
}

// heldBy says in a word what is on a partition, of members and what is encrypted too.
func heldBy(label, fstype string) string {
	word := map[string]string{"LVM2_member": "LVM", "linux_raid_member": "RAID", "crypto_LUKS": "encrypted"}[fstype]
	return cmp.Or(label, word, fstype)
}

// bar draws the segments of a disk of that size, and what is free between them as dots.
func bar(parts []segment, size int64) string {
	slices.SortFunc(parts, func(x, y segment) int { return cmp.Compare(x.start, y.start) })
	var all []segment
	var at int64
	for _, p := range parts {
		if p.start-at > size/100 {
			all = append(all, segment{at, p.start - at, ""})
		}
		all = append(all, p)
		at = p.start + p.size
	}
	if size-at > size/100 || len(all) == 0 {
		all = append(all, segment{at, size - at, ""})
	}
	if most := barWidth / 3; len(all) > most { // the last ones together
		last := all[len(all)-1]
		all[most-1] = segment{all[most-1].start, last.start + last.size - all[most-1].start, "and more"}
		all = all[:most]
	}
	widths := widthsOf(all, barWidth-1-len(all)) // the borders
	var b strings.Builder
	b.WriteByte('|')
	for i, s := range all {
		b.WriteString(fill(s.name, widths[i]) + "|")
	}
	return b.String()
}

// widthsOf shares room columns among segments by their sizes, at least one each,
// and as many as the name needs while there is room.
func widthsOf(all []segment, room int) []int {
	var total int64
	for _, s := range all {
		total += max(s.size, 1)
	}
	widths := make([]int, len(all))
	left := room
	for i, s := range all {
		widths[i] = max(1, int(float64(room)*float64(s.size)/float64(total)))
		left -= widths[i]
	}
	for ; left != 0; left += sign(-left) { // take from the widest, give to the one that lacks most
		i := pick(all, widths, left > 0)
		widths[i] += sign(left)
	}
	for i, s := range all {
		for widths[i] < min(len(s.name), 12) {
			j := pick(all, widths, false)
			if j == i || widths[j] <= max(len(all[j].name), 12) {
				break
			}
			widths[i]++
			widths[j]--
		}
	}
	return widths
}

// pick is the segment to be given a column, or to be taken one from.
func pick(all []segment, widths []int, give bool) int {
	best, most := 0, -1<<30
	for i, s := range all {
		spare := widths[i] - len(s.name)
		if give {
			spare = -spare
		}
		if widths[i] > 1 && spare > most || give && spare > most {
			best, most = i, spare
		}
	}
	return best
}

func sign(n int) int {
	if n < 0 {
		return -1
	}
	return 1
}

// fill is name in width columns; free room has no name.
func fill(name string, width int) string {
	if name == "" {
		return strings.Repeat(".", width)
	}
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '|' {
			return '?'
		}
		return r
	}, name)
	if len(plain) > width {
		return plain[:width]
	}
	return plain + strings.Repeat(" ", width-len(plain))
}

// diskLines are d's head, its pictures and its partitions.
func diskLines(d Disk) []string {
	head := strings.Join(strings.Fields(d.Path+"  "+machine.Size(d.Size)+"  "+d.Model), " ") + "  " + tableWords(d)
	now, then := Pictures(d)
	lines := []string{head, "  now   " + now, "  then  " + then}
	for _, v := range d.Parts {
		lines = append(lines, volumeLine(v))
	}
	return lines
}

func tableWords(d Disk) string {
	kind := map[string]string{"dos": "msdos", "": "no table"}[d.Table]
	switch {
	case !d.Kept:
		return "(new table, " + cmp.Or(kind, d.Table) + ")"
	case d.Rewritten():
		return "(" + cmp.Or(kind, d.Table) + ", changed)"
	}
	return "(" + cmp.Or(kind, d.Table) + ", not changed)"
}

// volumeLine is a line of the table: device, size, file system, mount point, fate.
func volumeLine(v Volume) string {
	mount := v.Mount
	if v.Subvolume != "" {
		mount += " (" + v.Subvolume + ")"
	}
	fs := v.FSType
	if v.Type == "0x5" || v.Type == "0xf" || v.Type == "0x85" {
		fs = "extended"
	}
	return strings.TrimRight("  "+pad(v.Device, 22)+" "+padLeft(machine.Size(v.Size), 9)+"  "+pad(fs, 17)+" "+pad(mount, 14)+" "+fate(v), " ")
}

func fate(v Volume) string {
	switch {
	case v.Was != 0:
		return "was " + machine.Size(v.Was)
	case v.NoFormat:
		return "kept"
	case v.Existing:
		return "formatted"
	}
	return ""
}

// layerLine says what a layer is made of.
func layerLine(l Layer) string {
	what := map[string]string{string(LayerLUKS): "encrypted", string(LayerRAID): "RAID " + l.Level, string(LayerGroup): "volume group",
		string(LayerPool): "thin pool", string(LayerLV): "volume", string(LayerBtrfs): "btrfs"}[string(l.Kind)]
	if l.Pool != "" {
		what = "thin volume"
	}
	on := strings.Join(short(l.On), " ")
	if l.Group != "" {
		on = strings.TrimSuffix(l.Group+"/"+l.Pool, "/")
	}
	name := l.Name
	if l.Kind == LayerLUKS && len(name) > 14 {
		name = name[:14] + ".."
	}
	line := "  " + pad(what, 13) + pad(name, 17) + padLeft(machine.Size(l.Size), 9) + "  on " + on
	if l.Spares > 0 {
		line += ", " + strconv.Itoa(l.Spares) + " spare"
	}
	if l.Existing {
		line += ", kept"
	}
	return line
}

// short are devices without "/dev/", the long names of encrypted ones cut.
func short(devices []string) []string {
	out := make([]string, len(devices))
	for i, d := range devices {
		out[i] = strings.TrimPrefix(strings.TrimPrefix(d, "/dev/"), "mapper/")
		if strings.HasPrefix(out[i], "luks-") && len(out[i]) > 14 {
			out[i] = out[i][:14] + ".."
		}
	}
	return out
}

func pad(s string, n int) string     { return s + strings.Repeat(" ", max(0, n-len(s))) }
func padLeft(s string, n int) string { return strings.Repeat(" ", max(0, n-len(s))) + s }
