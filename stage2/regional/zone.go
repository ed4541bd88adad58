package regional

import (
	"cmp"
	"io/fs"
	"slices"
	"strings"
)

// Zone is a time zone of the tz database.
type Zone struct {
	Name string // "Europe/Vienna"
	// Places are the countries it is for, and Note is which part of them; both can be
	// empty. "Austria", "Mountain Time - south Idaho, east Oregon".
	Places []string
	Note   string
	former []string // older names of it: "Asia/Calcutta"
}

// Label is what the zone is called: "Europe/Vienna (Austria)".
func (z Zone) Label() string {
	if len(z.Places) == 0 {
		return z.Name
	}
	return z.Name + " (" + strings.Join(z.Places, ", ") + ")"
}

// Find is what the zone is found by besides its Label.
func (z Zone) Find() string {
	return words(append([]string{strings.ReplaceAll(z.Name, "_", " "), z.Note, strings.Join(z.Places, " ")}, z.former...)...)
}

// ZonesFor are the zones of a locale's country, the likeliest first. None for a locale without one.
func (l *Lists) ZonesFor(locale string) []string {
	_, territory := parts(locale)
	return l.places[territory]
}

// capitals are where most people of a country live, for those whose list in zone.tab, which goes
// from one end of the country to the other, begins elsewhere.
func capitals() map[string]string {
	return map[string]string{
		"AU": "Australia/Sydney", "BR": "America/Sao_Paulo", "CA": "America/Toronto", "RU": "Europe/Moscow", "UZ": "Asia/Tashkent",
	}
}

// readZones reads the zones that there are files of, and those of each country by its code.
func readZones(root fs.FS) ([]Zone, map[string][]string, error) {
	countries, err := lines(root, countryFile)
	if err != nil {
		return nil, nil, err
	}
	name := map[string]string{}
	for _, line := range countries {
		code, country, _ := strings.Cut(line, "\t")
		name[code] = country
	}
	zones, err := zoneNames(root)
	if err != nil {
		return nil, nil, err
	}
	table, err := lines(root, zoneFile)
	if err != nil {
		return nil, nil, err
	}
	places := map[string][]string{}
	for _, line := range table {
		f := append(strings.Split(line, "\t"), "", "", "") // code, coordinates, zone, comment
		z := zones[f[2]]
		if z == nil {
			continue
		}
		z.Places, z.Note = append(z.Places, cmp.Or(name[f[0]], f[0])), f[3]
		places[f[0]] = append(places[f[0]], z.Name)
	}
	for code, zone := range capitals() {
		if i := slices.Index(places[code], zone); i > 0 {
			places[code] = slices.Insert(slices.Delete(places[code], i, i+1), 0, zone)
		}
	}
	return sorted(zones), places, nil
}

// zoneNames reads the tz database's own list: "Z NAME …" is a zone, "L TARGET NAME" a link, zic(8). A
// link that there is no file of is a former name.
func zoneNames(root fs.FS) (map[string]*Zone, error) {
	text, err := lines(root, linkFile)
	if err != nil {
		return nil, err
	}
	zones := map[string]*Zone{}
	former := map[string][]string{}
	for _, line := range text {
		w := strings.Fields(line)
		switch {
		case len(w) > 2 && w[0] == "Z" && offered(root, w[1]):
			zones[w[1]] = &Zone{Name: w[1]}
		case len(w) == 3 && w[0] == "L" && offered(root, w[2]):
			zones[w[2]] = &Zone{Name: w[2]}
		case len(w) == 3 && w[0] == "L":
			former[w[1]] = append(former[w[1]], w[2])
		}
	}
	for name, z := range zones {
		z.former = former[name]
	}
	return zones, nil
}

// offered reports whether a zone has a region, as those that people mean have, and a file.
func offered(root fs.FS, name string) bool {
	_, err := fs.Stat(root, zoneDir+name)
	return err == nil && strings.Contains(name, "/")
}

func sorted(zones map[string]*Zone) []Zone {
	all := make([]Zone, 0, len(zones))
	for _, z := range zones {
		all = append(all, *z)
	}
	slices.SortFunc(all, func(a, b Zone) int { return cmp.Compare(a.Name, b.Name) })
	return all
}
