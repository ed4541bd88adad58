package kickstart

import (
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

func applyFirewall(b *builder, c *call) {
	f := config.Firewall{Mode: "enabled", Trusted: c.items("trust"), Services: c.items("service"), Removed: c.items("remove-service")}
	for _, name := range []string{"ssh", "http", "smtp", "ftp"} {
		if c.has(name) && !slices.Contains(f.Services, name) {
			f.Services = append(f.Services, name)
		}
	}
	for _, p := range c.items("port") {
		f.Ports = append(f.Ports, b.openPort(c, p))
	}
	for _, name := range slices.Concat(f.Trusted, f.Services, f.Removed) {
		if !only(name, "_.-+@") || strings.HasPrefix(name, "-") {
			b.wrong(c, "%q is no name of an interface or a service", name)
		}
	}
	switch {
	case c.has("use-system-defaults"):
		b.noEffect(c, "with --use-system-defaults", append(firewallWords(), "enable", "disable")...)
		f = config.Firewall{}
	case c.has("disable") && c.has("enable"):
		b.wrong(c, "--enabled and --disabled exclude each other")
	case c.has("disable"):
		b.noEffect(c, "with --disabled", firewallWords()...)
		f = config.Firewall{Mode: "disabled"}
	}
	b.answers.Firewall = f
}

// firewallWords are the options that say what comes in.
func firewallWords() []string {
	return []string{"trust", "port", "service", "remove-service", "ssh", "http", "smtp", "ftp"}
}

// openPort reads "443:tcp", "5000-5010:udp", "imap:tcp" or "443", which is of TCP.
func (b *builder) openPort(c *call, text string) string {
	name, proto, has := strings.Cut(text, ":")
	if !has {
		proto = "tcp"
	}
	proto = strings.ToLower(proto)
	first, last, isRange := strings.Cut(name, "-")
	low, lowErr := strconv.Atoi(first)
	high, highErr := strconv.Atoi(last)
	if !isRange {
		high, highErr = low, lowErr
	}
	number := lowErr == nil && highErr == nil && low >= 1 && low <= high && high <= 65535
	word := name != "" && only(name, "_.-") && strings.Trim(name, "0123456789-") != "" && !strings.HasPrefix(name, "-")
	if !number && !word || !slices.Contains([]string{"tcp", "udp", "sctp", "dccp"}, proto) {
		b.wrong(c, "%q is no port; one is 443:tcp, or 5000-5010:udp, or imap:tcp", text)
	}
	return name + ":" + proto
}
