package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/machine"
)

// Infos announce the steps, for the first event.
func (p *Plan) Infos() []event.StepInfo {
	infos := make([]event.StepInfo, len(p.Steps))
	for i, s := range p.Steps {
		infos[i] = event.StepInfo{ID: s.ID(), Title: s.Title(), Weight: s.Weight()}
		if d, ok := s.(interface{ Disc() int }); ok {
			infos[i].Disc = d.Disc()
		}
	}
	return infos
}

// MarshalJSON writes the plan with its steps as {id, title, weight}.
func (p *Plan) MarshalJSON() ([]byte, error) {
	type plain Plan
	return json.Marshal(struct {
		*plain
		Steps []event.StepInfo `json:"steps"`
	}{(*plain)(p), p.Infos()})
}

// Lost says what will be erased: a line for each disk and for each partition
// that is on it now, then the arrays and groups that go with them.
func (p *Plan) Lost() []string {
	var lines []string
	for _, d := range p.Disks {
		lines = append(lines, lostOn(d)...)
	}
	for _, s := range p.Stop {
		lines = append(lines, s.Describe())
	}
	for _, device := range p.overwritten() {
		lines = append(lines, device+": what is on it")
	}
	return lines
}

// overwritten are the arrays and volumes that stay and get something new on them: a file system,
// or what they become a member of.
func (p *Plan) overwritten() []string {
	var devices []string
	for _, v := range p.Volumes {
		if v.Existing && !v.NoFormat {
			devices = append(devices, v.Device)
		}
	}
	for _, l := range p.Layers {
		for _, up := range p.Layers {
			if l.Existing && l.Device != "" && l.Kind != LayerBtrfs && !up.Existing && slices.Contains(up.On, l.Device) {
				devices = append(devices, l.Device)
			}
		}
	}
	return devices
}

// lostOn is what is lost on d; nothing when all of it stays.
func lostOn(d Disk) []string {
	gone := slices.Clone(d.Lost)
	for _, v := range d.Parts {
		i := slices.IndexFunc(d.Before, func(q machine.Part) bool { return q.Start == v.Start })
		if v.Existing && !v.NoFormat && i >= 0 {
			gone = append(gone, d.Before[i])
		}
	}
	words := strings.Join(strings.Fields(d.Path+"  "+machine.Size(d.Size)+"  "+d.Model), " ")
	was := machine.Disk{Path: d.Path, FSType: d.LostFS, Label: d.LostLabel, Table: d.LostTable}
	switch {
	case d.Kept && slices.ContainsFunc(d.Parts, func(v Volume) bool { return v.Number == 0 && v.Existing && !v.NoFormat }):
		return []string{words + ": what is on it"}
	case len(gone) == 0 && d.Kept:
		return nil
	case len(gone) == 0:
		return []string{words + ": " + was.Contents()}
	}
	lines := []string{words + ":"}
	for _, q := range gone {
		lines = append(lines, "  "+q.Path+": "+q.Describe())
	}
	return lines
}

// Text is the whole plan, for a person: what is lost, what will be there, what
// will be needed, and the steps.
func (p *Plan) Text() string {
	var b strings.Builder
	what := fmt.Sprintf("%d %s", p.Packages, machine.Plural(p.Packages, "package"))
	if p.Image != nil {
		what = "the image " + p.Image.URL + sizeOf(p.Image)
	}
	fmt.Fprintf(&b, "%s: %s\n\nErased:\n", p.Product, what)
	lost := p.Lost()
	if len(lost) == 0 {
		lost = []string{"nothing"}
	}
	for _, l := range lost {
		b.WriteString("  " + l + "\n")
	}
	return b.String() + "\n" + p.After()
}

// Storage is the part of After about the disks: how each is and will be, and
// what is made of their partitions.
func (p *Plan) Storage() string {
	var b strings.Builder
	section := func(head string, lines []string) {
		if len(lines) > 0 {
			b.WriteString(head + "\n  " + strings.Join(lines, "\n  ") + "\n")
		}
	}
	var disks, layers, volumes []string
	for _, d := range p.Disks {
		disks = append(disks, diskLines(d)...)
	}
	for _, l := range p.Layers {
		layers = append(layers, layerLine(l))
	}
	for _, v := range p.Volumes {
		if v.Used() {
			if name := short([]string{v.Device})[0]; strings.HasPrefix(name, "luks-") {
				v.Device = name
			}
			volumes = append(volumes, volumeLine(v))
		}
	}
	section("Then on the disk:", disks)
	section("Made of that:", layers)
	section("And on it:", volumes)
	if len(p.Boot) > 0 {
		b.WriteString("The machine starts from " + strings.Join(p.Boot, " or ") + "\n")
	}
	return b.String()
}

// After is the part of Text behind what is lost.
func (p *Plan) After() string {
	var b strings.Builder
	b.WriteString(p.Storage())
	s := p.Space
	fetched, from := "packages", "Packages come"
	if p.Image != nil {
		fetched, from = "the image", "The image comes"
	}
	fmt.Fprintf(&b, "\nSpace: %s (%s %s, installed %s, the installer itself %s)\n",
		machine.Size(s.Total()), fetched, machine.Size(s.Fetch), machine.Size(s.Installed), machine.Size(s.Image))
	switch {
	case p.Image != nil && p.Image.Disc == 0:
	case p.Place != "":
		fmt.Fprintf(&b, "%s from %s\n", from, p.Place)
	default:
		fmt.Fprintf(&b, "Discs that will be needed: %s\n", numbers(p.Discs))
	}
	if len(p.Network) > 0 {
		b.WriteString("Network:\n  " + strings.Join(p.Network, "\n  ") + "\n")
	}
	for _, w := range p.Warnings {
		b.WriteString("Mind: " + w + "\n")
	}
	b.WriteString("\nSteps:\n")
	for i, st := range p.Steps {
		fmt.Fprintf(&b, "  %2d  %s\n", i+1, st.Title())
	}
	return b.String()
}

// volumes are the partitions and volumes on layers that are formatted or mounted.
// Members of layers and partitions that merely stay are not among them.
func (p *Plan) volumes() []Volume {
	var all []Volume
	for _, d := range p.Disks {
		all = append(all, d.Parts...)
	}
	all = append(all, p.Volumes...)
	return slices.DeleteFunc(all, func(v Volume) bool { return !v.Used() })
}

func numbers(list []int) string {
	if len(list) == 0 {
		return "none"
	}
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ", ")
}
