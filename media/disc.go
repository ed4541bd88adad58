package media

import "fmt"

// DiscState says what is in a drive.
type DiscState string

// The states of a drive.
const (
	NoDisc     DiscState = "no disc"
	TrayOpen   DiscState = "tray open"
	Unreadable DiscState = "unreadable"
	Foreign    DiscState = "foreign" // readable, but without .discinfo
	Known      DiscState = "known"   // has a .discinfo
)

// Disc is what was found in a drive.
type Disc struct {
	Drive string    `json:"drive"`
	State DiscState `json:"state"`
	Label string    `json:"label,omitempty"` // volume label
	Info  DiscInfo  `json:"info"`            // when Known
	Cause string    `json:"cause,omitempty"` // when Unreadable: why
}

// Is reports whether d is disc n of set s.
func (d Disc) Is(s Set, n int) bool {
	return d.State == Known && d.Info.ID == s.ID && d.Info.Arch == s.Arch && d.Info.Has(n)
}

// Explain says in words what d is instead of disc n of set s.
func (d Disc) Explain(s Set, n int) string {
	switch {
	case d.State == TrayOpen:
		return "the tray is open"
	case d.State == NoDisc:
		return "no disc in the drive"
	case d.State == Unreadable:
		return "the disc can't be read: " + d.Cause
	case d.State == Foreign:
		return fmt.Sprintf("a disc of something else (%q)", d.Label)
	case d.Info.ID != s.ID:
		return fmt.Sprintf("a disc of another set: %s, disc %s", d.Info.Release, d.Info.Numbers())
	case d.Info.Arch != s.Arch:
		return fmt.Sprintf("a disc for %s, not %s", d.Info.Arch, s.Arch)
	case !d.Info.Has(n):
		return fmt.Sprintf("disc %s of %s", d.Info.Numbers(), s.Name())
	}
	return fmt.Sprintf("disc %d of %s", n, s.Name())
}
