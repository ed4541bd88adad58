// Package firewall writes what a kickstart's firewall command says as a ruleset of
// nft(8) for the installed system.
//
// It is pure: it knows names of services and no machine. Everything that it lets in is
// numbered, so that the ruleset needs no file of the system it is loaded on.
package firewall

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// usual are the services that come in unless they are removed: Anaconda's ssh and
// what firewalld's zone "public" has besides.
func usual() []string { return []string{"ssh", "dhcpv6-client"} }

// Ruleset is what f lets in, as nftables.conf. Wrong is everything that can't be meant,
// in the kickstart's words; idle is what changes nothing. Of a wrong one the text is of no use.
func Ruleset(f config.Firewall) (text string, wrong, idle []string) {
	var r rules
	for _, name := range unique(f.Trusted) {
		wrong = append(wrong, r.trust(name)...)
	}
	services := slices.Clone(f.Services)
	for _, name := range usual() {
		if !slices.Contains(f.Removed, name) && !slices.Contains(services, name) {
			services = append(services, name)
		}
	}
	for _, name := range services {
		wrong = append(wrong, r.service(name)...)
	}
	for _, name := range f.Removed {
		switch {
		case slices.Contains(f.Services, name):
			wrong = append(wrong, "--service="+name+" lets it in, and --remove-service="+name+" doesn't; leave one of them out")
		case !slices.Contains(usual(), name):
			idle = append(idle, "--remove-service="+name+" changes nothing: it isn't let in")
		}
	}
	for _, p := range f.Ports {
		wrong = append(wrong, r.port(p)...)
	}
	return r.text(), wrong, idle
}

// rules are collected before they are written, since a set of nft(8) takes no range twice.
type rules struct {
	trusted   []string
	open      map[string][]span // by protocol: "tcp"
	protocols []string          // that have no ports: "esp"
	helper    bool              // for FTP, which names its second port in the first connection
	dhcp6     bool
}

// span is a range of ports.
type span struct{ first, last int }

// trust takes iptables' word for all interfaces whose names begin so, "eth+", for nft's.
func (r *rules) trust(name string) []string {
	if all, ok := strings.CutSuffix(name, "+"); ok {
		name = all + "*"
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_.@-]{1,15}[*]?$`).MatchString(name) || len(name) > 15 {
		return []string{"--trust=" + name + ": not the name of an interface"}
	}
	r.trusted = append(r.trusted, name)
	return nil
}

func (r *rules) service(name string) []string {
	if name == "dhcpv6-client" {
		r.dhcp6 = true
		return nil
	}
	items, ok := lookUp(name)
	if !ok {
		return []string{"--service=" + name + ": no service is known by that name" + meant(name) + "; a port can be given instead, as --port=8080:tcp"}
	}
	r.helper = r.helper || name == "ftp"
	for _, i := range items {
		r.let(i)
	}
	return nil
}

// port is "443:tcp", "5000-5010:udp" or "imap:tcp".
func (r *rules) port(text string) []string {
	name, proto, _ := strings.Cut(text, ":")
	if s, ok := number(name); ok {
		r.let(item{proto, s})
		return nil
	}
	items, ok := lookUp(name)
	if !ok {
		return []string{"--port=" + text + ": no service is known by that name" + meant(name) + "; the number always works"}
	}
	items = slices.DeleteFunc(slices.Clone(items), func(i item) bool { return i.protocol != proto })
	if len(items) == 0 {
		return []string{"--port=" + text + ": " + name + " has no port of " + proto + "; the number always works"}
	}
	for _, i := range items {
		r.let(i)
	}
	return nil
}

func (r *rules) let(i item) {
	if i.ports == (span{}) {
		r.protocols = append(r.protocols, i.protocol)
		return
	}
	if r.open == nil {
		r.open = map[string][]span{}
	}
	r.open[i.protocol] = append(r.open[i.protocol], i.ports)
}

// text is nft(8)'s. What answers to something sent out comes in, and what IP itself needs: RFC 4890
// names the messages of ICMPv6, without which there are no neighbours.
func (r *rules) text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "\t\t"+format+"\n", args...) }
	b.WriteString("#!/usr/sbin/nft -f\n# See nft(8). Written by the installer; \"systemctl reload nftables\" takes changes up.\n\nflush ruleset\n\ntable inet filter {\n")
	if r.helper {
		b.WriteString("\tct helper ftp {\n\t\ttype \"ftp\" protocol tcp\n\t}\n\tchain helpers {\n\t\ttype filter hook prerouting priority filter;\n" +
			"\t\ttcp dport 21 ct helper set \"ftp\"\n\t}\n")
	}
	b.WriteString("\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n")
	line("ct state established,related accept")
	line("iif lo accept")
	line("icmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem } accept")
	line("icmpv6 type { echo-request, destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept")
	line("icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept")
	line("icmpv6 type mld-listener-query ip6 hoplimit 1 accept")
	line("ct state invalid drop")
	if r.dhcp6 {
		line("ip6 saddr fe80::/10 ip6 daddr fe80::/10 udp sport 547 udp dport 546 accept")
	}
	for _, name := range r.trusted {
		line("iifname \"%s\" accept", name)
	}
	for _, proto := range []string{"tcp", "udp", "sctp", "dccp"} {
		if open := r.open[proto]; len(open) > 0 {
			line("%s dport { %s } accept", proto, strings.Join(merge(open), ", "))
		}
	}
	if len(r.protocols) > 0 {
		line("meta l4proto { %s } accept", strings.Join(unique(r.protocols), ", "))
	}
	b.WriteString("\t}\n\tchain forward {\n\t\ttype filter hook forward priority filter;\n\t}\n\tchain output {\n\t\ttype filter hook output priority filter;\n\t}\n}\n")
	return b.String()
}

func unique(words []string) []string { return slices.Compact(slices.Sorted(slices.Values(words))) }

// merge joins ranges that overlap or touch.
func merge(all []span) []string {
	slices.SortFunc(all, func(x, y span) int { return x.first - y.first })
	joined := all[:1:1]
	for _, s := range all[1:] {
		if last := &joined[len(joined)-1]; s.first <= last.last+1 {
			last.last = max(last.last, s.last)
			continue
		}
		joined = append(joined, s)
	}
	var words []string
	for _, s := range joined {
		word := fmt.Sprint(s.first)
		if s.last > s.first {
			word += "-" + fmt.Sprint(s.last)
		}
		words = append(words, word)
	}
	return words
}
