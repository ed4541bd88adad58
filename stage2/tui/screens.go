package tui

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"charm.land/huh/v2"

	"github.com/molt-installer/molt/stage2/machine"
)

// screen is one page of questions. Its form is made anew each time the page is
// entered; what was typed is in the draft.
type screen struct {
	title string
	form  func(s Session, d *draft) *huh.Group
}

// screens are the pages in their order.
func screens() []screen {
	return []screen{
		{"Target disk", diskScreen},
		{"Root password", rootScreen},
		{"User account", userScreen},
		{"Host name", hostScreen},
		{"Time zone", zoneScreen},
		{"Software", softwareScreen},
	}
}

func diskScreen(s Session, d *draft) *huh.Group {
	var refused []string
	for _, path := range slices.Sorted(maps.Keys(s.Refused)) {
		refused = append(refused, path+": "+s.Refused[path])
	}
	if len(s.Disks) == 0 {
		text := "There is no disk that could be installed to.\n\n" + strings.Join(refused, "\n")
		return huh.NewGroup(huh.NewNote().Title("No disk").Description(text))
	}
	var options []huh.Option[string]
	for _, disk := range s.Disks {
		options = append(options, huh.NewOption(diskLine(disk), disk.Path))
	}
	note := "The whole disk is used. Everything on it will be erased, after you\nhave seen the plan and confirmed it."
	if len(refused) > 0 {
		note += "\nNot offered: " + strings.Join(refused, "; ")
	}
	return huh.NewGroup(
		huh.NewSelect[string]().Title("Install to which disk?").Description(note).
			Options(options...).Height(min(len(options), 8)+4).Value(&d.disk),
		huh.NewSelect[string]().Title("File system").
			Options(huh.NewOption("ext4", "ext4"), huh.NewOption("xfs", "xfs")).Value(&d.fstype),
	)
}

// diskLine describes a disk and what is on it in one line.
func diskLine(d machine.Disk) string {
	return clip(fmt.Sprintf("%-10s %9s  %s", d.Path, machine.Size(d.Size), d.Contents()), 68)
}

func rootScreen(s Session, d *draft) *huh.Group {
	note := "Leave it empty to lock the root account; the user account of the next\npage can then use sudo."
	if s.Answers.Root.Set {
		note = "The kickstart file has set one; leave it empty to keep it."
	}
	return huh.NewGroup(passwords("Root password", note, &d.root, &d.root2)...)
}

// passwords asks for a password twice.
func passwords(title, note string, first, second *string) []huh.Field {
	same := func(again string) error {
		if again != *first {
			return errors.New("the two are not the same")
		}
		return nil
	}
	return []huh.Field{
		huh.NewInput().Title(title).Description(note).EchoMode(huh.EchoModePassword).Value(first),
		huh.NewInput().Title("The same again").EchoMode(huh.EchoModePassword).Value(second).Validate(same),
	}
}

func userScreen(s Session, d *draft) *huh.Group {
	fields := []huh.Field{
		huh.NewInput().Title("Full name").Value(&d.gecos).Validate(checkGecos),
		huh.NewInput().Title("Login name").Description("Empty for no account; then root needs a password.").
			Value(&d.user).Validate(d.checkUser),
	}
	return huh.NewGroup(append(fields, passwords("Password", "", &d.pass, &d.pass2)...)...)
}

func checkGecos(s string) error {
	if strings.ContainsAny(s, ":\n,") {
		return errors.New("no colon and no comma, please")
	}
	return nil
}

// checkUser is the rule of Debian's adduser (NAME_REGEX), and sees to it that
// somebody can log in at all.
func (d *draft) checkUser(name string) error {
	switch {
	case name == "" && d.root == "" && !d.rootIsAnswered:
		return errors.New("root is locked: without a user nobody could log in")
	case name == "":
		return nil
	case name == "root":
		return errors.New("root is there already")
	case len(name) > 32 || !regexp.MustCompile(`^[a-z][a-z0-9_-]*$`).MatchString(name):
		return errors.New("a to z first, then a to z, 0 to 9, - and _; 32 at most")
	}
	return nil
}

func hostScreen(s Session, d *draft) *huh.Group {
	return huh.NewGroup(huh.NewInput().Title("Host name").
		Description("The name of this machine on the network, with or without a domain.").
		Value(&d.hostname).Validate(checkHost))
}

// checkHost follows RFC 1123, section 2.1.
func checkHost(name string) error {
	if name == "" || len(name) > 253 {
		return errors.New("1 to 253 characters")
	}
	label := regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	for _, part := range strings.Split(name, ".") {
		if !label.MatchString(part) {
			return errors.New("letters, digits and hyphens, parts separated by dots")
		}
	}
	return nil
}

func zoneScreen(s Session, d *draft) *huh.Group {
	city := func() []huh.Option[string] { return huh.NewOptions(places(s.Zones, d.region)...) }
	return huh.NewGroup(
		huh.NewSelect[string]().Title("Region").Options(huh.NewOptions(regions(s.Zones)...)...).Height(7).Value(&d.region),
		huh.NewSelect[string]().Title("Time zone").Description("/ searches").
			OptionsFunc(city, &d.region).Height(9).Value(&d.place),
	)
}

func softwareScreen(s Session, d *draft) *huh.Group {
	if s.Catalog == nil || len(s.Catalog.Groups) == 0 {
		return huh.NewGroup(huh.NewNote().Title("Software").Description("The base system; this set has no groups to add."))
	}
	var options []huh.Option[string]
	about := "Space marks. The discs that will be needed are shown with the plan.\n"
	for _, g := range s.Catalog.Groups {
		line := fmt.Sprintf("%-24.24s %4d packages %10s  disc %s", g.Title, g.Count, machine.Size(g.Size), numbers(g.Discs))
		options = append(options, huh.NewOption(line, g.ID))
		about += "\n" + clip(g.Title+": "+g.Description, 70)
	}
	return huh.NewGroup(huh.NewMultiSelect[string]().Title("What to install beside the base system?").
		Description(about + "\n").Options(options...).Height(min(2*len(options)+5, 18)).Value(&d.groups))
}
