package tui

import (
	"strings"

	"github.com/charmbracelet/colorprofile"
)

// terminalType is what TERM says, and vt100 where it says nothing: what that
// understands, all others do as well.
func terminalType(env []string) string {
	switch t := variable(env, "TERM"); t {
	case "", "dumb", "unknown", "network", "dialup":
		return "vt100"
	default:
		return t
	}
}

func variable(env []string, name string) string {
	value := ""
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			value = v
		}
	}
	return value
}

// environ is what bubbletea knows of the surroundings. SSH_TTY keeps it from asking the
// terminal what it can do: a serial line's answer comes late, and looks like keys.
func environ(term string) []string { return []string{"TERM=" + term, "SSH_TTY=yes"} }

// colored are the beginnings of the names of terminals that have the 16 colours.
const colored = "linux xterm screen tmux rxvt putty konsole gnome vte alacritty foot kitty wezterm ghostty st- contour rio ansi cygwin Eterm eterm mlterm iterm mintty"

// profile is the colours that are sent: 16 at most, and none to a terminal that isn't
// known to have them. NO_COLOR is no-color.org's.
func profile(term string, env []string) colorprofile.Profile {
	if variable(env, "NO_COLOR") != "" || !known(term) {
		return colorprofile.ASCII
	}
	return colorprofile.ANSI
}

// known reports whether term is one of those.
func known(term string) bool {
	for _, name := range strings.Fields(colored) {
		if strings.HasPrefix(term, name) || term == strings.TrimSuffix(name, "-") {
			return true
		}
	}
	return false
}
