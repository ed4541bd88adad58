package plan

import (
	"fmt"
	"strconv"
	"strings"
)

// linkSettings are options of `ethtool -s`, as --ethtool has them, in the words
// of systemd.link(5): udev sets them, so no package is needed for it.
func linkSettings(options string) (lines, wrong []string) {
	words := strings.Fields(options)
	if len(words) > 0 && words[0] == "-s" {
		words = words[1:]
	}
	for len(words) > 0 {
		name := words[0]
		if len(words) == 1 {
			return nil, append(wrong, fmt.Sprintf("--ethtool: %q has no value", name))
		}
		line := linkSetting(name, words[1])
		if line == "" {
			value := " " + words[1]
			if name == "sopass" {
				value = "" // it is a password
			}
			wrong = append(wrong, fmt.Sprintf("--ethtool: %q can't be set; autoneg on|off, speed MBIT, duplex half|full, port tp|aui|bnc|mii|fibre, mdix auto|on|off "+
				"and wol LETTERS can", name+value))
		}
		lines, words = append(lines, line), words[2:]
	}
	return lines, wrong
}

// linkSetting is one of them; empty if it isn't known.
func linkSetting(name, value string) string {
	known := map[string]map[string]string{
		"autoneg": {"on": "AutoNegotiation=yes", "off": "AutoNegotiation=no"},
		"duplex":  {"half": "Duplex=half", "full": "Duplex=full"},
		"port":    {"tp": "Port=tp", "aui": "Port=aui", "bnc": "Port=bnc", "mii": "Port=mii", "fibre": "Port=fibre"},
		"mdix":    {"auto": "MDI=auto", "on": "MDI=mdi-x", "off": "MDI=mdi"},
	}
	switch name {
	case "speed":
		if n, err := strconv.Atoi(value); err == nil && n > 0 {
			return fmt.Sprintf("BitsPerSecond=%dM", n)
		}
	case "wol":
		return wakeOnLAN(value)
	}
	return known[name][value]
}

// wakeOnLAN is ethtool's wol, a letter for each event.
func wakeOnLAN(letters string) string {
	if letters == "d" {
		return "WakeOnLan=off"
	}
	events := map[rune]string{'p': "phy", 'u': "unicast", 'm': "multicast", 'b': "broadcast", 'a': "arp", 'g': "magic", 's': "secureon"}
	var words []string
	for _, l := range letters {
		if events[l] == "" {
			return ""
		}
		words = append(words, events[l])
	}
	return "WakeOnLan=" + strings.Join(words, " ")
}
