package layout

import (
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// Room is free room on a disk, in bytes, in which partitions can be made.
type Room struct{ Start, Size int64 }

// Rooms are those that d has left, by their start. A disk without a table has none.
func (d Disk) Rooms() []Room {
	if d.Table != "gpt" && d.Table != "dos" {
		return nil
	}
	at := &disk{Disk: machine.Disk{Path: d.Path, Size: d.Size, Sector: d.Sector}, room: true, table: d.Table}
	for _, v := range d.Parts {
		at.Parts = append(at.Parts, machine.Part{Path: v.Device, Number: v.Number, Start: v.Start, Size: v.Size, Type: v.Type})
	}
	var all []Room
	for _, g := range at.gaps() {
		all = append(all, Room{g.start * mib, (g.end - g.start) * mib})
	}
	return all
}

// AsItIs is a disk that nobody writes to.
func AsItIs(d machine.Disk) Disk {
	out := Disk{Path: d.Path, Model: d.Model, Size: d.Size, Sector: d.Sector, Table: d.Table, Kept: true, Before: d.Parts, Seq: d.Seq}
	for _, p := range d.Parts {
		out.Parts = append(out.Parts, Volume{Device: p.Path, Number: p.Number, FSType: p.FSType, Start: p.Start, Size: p.Size, Type: p.Type,
			GUID: p.PartUUID, UUID: p.UUID, Label: p.Label, Existing: true, NoFormat: true})
	}
	return out
}

// Spell says autopart, reqpart and mount in single requests, as Make understands them on that
// machine: what a person starts from who wants to change a part of it.
func Spell(r Request) (config.Storage, Problems) {
	m := &maker{Request: r, s: r.Storage, members: map[string]dev{}}
	m.takeMounts()
	m.takeExisting()
	m.target()
	m.clear()
	m.stacks()
	m.expand()
	s := m.s
	s.Auto, s.Reqpart, s.Mounts = nil, nil, nil
	return s, m.Problems
}
