package kickstart

import (
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

func applyLang(b *builder, c *call) {
	b.answers.Language = b.locale(c, c.arg(0))
	b.answers.Locales = nil
	for _, l := range c.items("addsupport") {
		b.answers.Locales = append(b.answers.Locales, b.locale(c, l))
	}
}

// locale completes "en_US" to "en_US.UTF-8".
func (b *builder) locale(c *call, name string) string {
	if !only(name, "_.@-") || name == "" || strings.ContainsRune("-.@", rune(name[0])) {
		b.wrong(c, "%q is no locale; one looks like en_US.UTF-8", name)
		return ""
	}
	base, modifier, has := strings.Cut(name, "@")
	if !strings.Contains(base, ".") && base != "C" && base != "POSIX" {
		base += ".UTF-8"
	}
	if has {
		base += "@" + modifier
	}
	return base
}

// only reports whether s has just letters, digits and the marks.
func only(s, marks string) bool {
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune(marks, r) {
			return false
		}
	}
	return true
}

func applyKeyboard(b *builder, c *call) {
	k := config.Keyboard{Keymap: c.arg(0), Options: strings.Join(c.items("switch"), ",")}
	if c.str("vckeymap") != "" {
		k.Keymap = c.str("vckeymap")
	}
	if !only(k.Keymap, "_-") || strings.HasPrefix(k.Keymap, "-") || !only(k.Options, "_:,") {
		b.wrong(c, "no such keymap or switch; a keymap looks like us or de-nodeadkeys, a switch like grp:alt_shift_toggle")
		return
	}
	for _, item := range c.items("xlayouts") {
		layout, variant := xlayout(item)
		if layout == "" || !only(layout+variant, "_-") {
			b.wrong(c, "%q is no keyboard layout; one looks like us, or de (nodeadkeys)", item)
			return
		}
	}
	k.Layout, k.Variant = xlayouts(c.items("xlayouts"))
	if k.Layout == "" {
		k.Layout, k.Variant = xkbOf(k.Keymap)
	}
	b.answers.Keyboard = k
}

// xlayout reads "de (nodeadkeys)".
func xlayout(item string) (layout, variant string) {
	layout, variant, _ = strings.Cut(item, "(")
	return strings.TrimSpace(layout), strings.Trim(variant, "() ")
}

// xlayouts reads several into keyboard(5)'s two lists.
func xlayouts(items []string) (layout, variant string) {
	var layouts, variants []string
	for _, item := range items {
		l, v := xlayout(item)
		layouts, variants = append(layouts, l), append(variants, v)
	}
	layout, variant = strings.Join(layouts, ","), strings.Join(variants, ",")
	if strings.Trim(variant, ",") == "" {
		variant = ""
	}
	return layout, variant
}

func applyTimezone(b *builder, c *call) {
	zone := c.arg(0)
	if !only(zone, "_/+-") || strings.HasPrefix(zone, "/") || strings.HasPrefix(zone, "-") {
		b.wrong(c, "%q is no time zone; one looks like Europe/Berlin", zone)
		return
	}
	b.answers.Timezone = config.Timezone{Zone: zone, UTC: c.has("utc")}
	if c.has("nontp") {
		b.answers.Time.Off = true
	}
	for _, host := range c.items("ntpservers") {
		b.timeServer(c, config.TimeServer{Host: host})
	}
}

func applyTimesource(b *builder, c *call) {
	switch {
	case c.has("ntp-disable"):
		b.answers.Time.Off = true
	case c.has("ntp-pool"):
		b.timeServer(c, config.TimeServer{Host: c.str("ntp-pool"), Pool: true, NTS: c.has("nts")})
	default:
		b.timeServer(c, config.TimeServer{Host: c.str("ntp-server"), NTS: c.has("nts")})
	}
}

func (b *builder) timeServer(c *call, s config.TimeServer) {
	if !only(s.Host, ".:-") || s.Host == "" || strings.HasPrefix(s.Host, "-") {
		b.wrong(c, "%q is no host name", s.Host)
		return
	}
	b.answers.Time.Servers = append(b.answers.Time.Servers, s)
}

func applyServices(b *builder, c *call) {
	s := config.Services{Enabled: c.items("enabled"), Disabled: c.items("disabled")}
	for _, unit := range append(append([]string{}, s.Enabled...), s.Disabled...) {
		if !only(unit, "_.@:\\-") || strings.HasPrefix(unit, "-") {
			b.wrong(c, "%q is no name of a service", unit)
			return
		}
	}
	b.answers.Services = s
}

func applyDisplay(b *builder, c *call) {
	b.answers.Display = c.name
	if c.has("non-interactive") {
		b.answers.Display = "cmdline"
	}
}

func applyEnd(b *builder, c *call) {
	b.answers.End = config.End{Action: c.name, Eject: c.has("eject")}
}
