package tui

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// draft is the answers while they are being typed: the strings the forms are
// bound to. Passwords are in it in clear and never leave it.
type draft struct {
	disk           string
	fstype         string
	root, root2    string
	gecos, user    string
	pass, pass2    string
	hostname       string
	region, place  string
	groups         []string
	rootIsAnswered bool
}

// newDraft fills in what the answers already say, and defaults for the rest.
func newDraft(s Session) *draft {
	a := s.Answers
	d := &draft{fstype: "ext4", hostname: cmp.Or(a.Hostname, s.Hostname), region: "Etc", place: "UTC", rootIsAnswered: a.Root.Set}
	if d.hostname == "" {
		d.hostname = strings.ToLower(strings.Fields(s.Product + " host")[0])
	}
	if zone := a.Timezone.Zone; zone != "" {
		d.region, d.place = splitZone(zone)
	}
	if disks := a.Storage.Clear.Drives; len(disks) > 0 {
		d.disk = disks[0]
	}
	if len(a.Users) > 0 {
		d.user, d.gecos = a.Users[0].Name, a.Users[0].Gecos
	}
	d.groups = append(d.groups, a.Software.Groups...)
	if len(d.groups) == 0 && s.Catalog != nil {
		for _, g := range s.Catalog.Groups {
			if g.Default {
				d.groups = append(d.groups, g.ID)
			}
		}
	}
	return d
}

// answers turns the draft into answers, over what s.Answers said before.
func (d *draft) answers(s Session) (config.Answers, error) {
	a := s.Answers
	a.Hostname = d.hostname
	a.Timezone = config.Timezone{Zone: joinZone(d.region, d.place), UTC: true}
	a.Software.Groups = append([]string(nil), d.groups...)
	a.Storage = wholeDisk(d.disk, d.fstype)
	if err := d.logins(&a, s.Hash); err != nil {
		return a, err
	}
	defaults(&a, s.Connected)
	return a, nil
}

// defaults answers what this interface doesn't ask.
func defaults(a *config.Answers, connected bool) {
	if a.Language == "" {
		a.Language = "C.UTF-8"
	}
	if a.Keyboard.Layout == "" && a.Keyboard.Keymap == "" {
		a.Keyboard.Layout = "us"
	}
	if len(a.Network) == 0 && !connected {
		a.Network = []config.Network{{Device: "link", Method: "dhcp", OnBoot: true}}
	}
	if a.End.Action == "" {
		a.End = config.End{Action: "reboot", Eject: true}
	}
}

func wholeDisk(disk, fstype string) config.Storage {
	return config.Storage{
		Zerombr: true,
		OnlyUse: []string{disk},
		Clear:   config.Clear{Mode: "all", Drives: []string{disk}, InitLabel: true, Label: "gpt"},
		Auto:    &config.Autopart{Type: "plain", FSType: fstype},
	}
}

func (d *draft) logins(a *config.Answers, hash func(string) (string, error)) error {
	if d.root != "" {
		h, err := hash(d.root)
		if err != nil {
			return fmt.Errorf("hash the root password: %w", err)
		}
		a.Root = config.Login{Hash: h, Set: true}
	} else if !d.rootIsAnswered {
		a.Root = config.Login{Locked: true, Set: true}
	}
	if d.user == "" {
		return nil
	}
	h, err := hash(d.pass)
	if err != nil {
		return fmt.Errorf("hash the password of %s: %w", d.user, err)
	}
	u := config.User{Name: d.user, Gecos: d.gecos, Groups: []string{"sudo"}, Login: config.Login{Hash: h, Set: true}}
	a.Users = []config.User{u}
	return nil
}

func splitZone(zone string) (region, place string) {
	region, place, ok := strings.Cut(zone, "/")
	if !ok {
		return "Etc", zone
	}
	return region, place
}

func joinZone(region, place string) string {
	return region + "/" + place
}

func regions(zones []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, z := range zones {
		region, _, ok := strings.Cut(z, "/")
		if ok && !seen[region] {
			seen[region] = true
			out = append(out, region)
		}
	}
	return out
}

func places(zones []string, region string) []string {
	var out []string
	for _, z := range zones {
		if r, place, ok := strings.Cut(z, "/"); ok && r == region {
			out = append(out, place)
		}
	}
	return out
}
