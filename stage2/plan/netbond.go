package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// bondOption is an option of a bond, Documentation/networking/bonding.rst, in
// the words of systemd.netdev(5).
type bondOption struct {
	key    string   // empty: it has none
	unit   string   // of its value: "ms"
	values []string // words, in the order of their numbers, which the kernel takes as well
	modes  string   // in which the kernel takes it; empty: in all
}

func bondTable() map[string]bondOption {
	words := strings.Fields
	off := words("0 1")
	const (
		lacp  = "802.3ad"
		tlb   = "balance-tlb balance-alb"
		plain = "balance-rr active-backup balance-xor broadcast"
	)
	return map[string]bondOption{
		"mode":              {"Mode", "", words("balance-rr active-backup balance-xor broadcast 802.3ad balance-tlb balance-alb"), ""},
		"xmit_hash_policy":  {"TransmitHashPolicy", "", words("layer2 layer3+4 layer2+3 encap2+3 encap3+4 vlan+srcmac"), ""},
		"lacp_rate":         {"LACPTransmitRate", "", words("slow fast"), lacp},
		"ad_select":         {"AdSelect", "", words("stable bandwidth count"), ""},
		"fail_over_mac":     {"FailOverMACPolicy", "", words("none active follow"), ""},
		"arp_validate":      {"ARPValidate", "", words("none active backup all"), plain},
		"arp_all_targets":   {"ARPAllTargets", "", words("any all"), ""},
		"primary_reselect":  {"PrimaryReselectPolicy", "", words("always better failure"), ""},
		"all_slaves_active": {"AllSlavesActive", "", off, ""},
		"tlb_dynamic_lb":    {"DynamicTransmitLoadBalancing", "", off, tlb},
		"miimon":            {"MIIMonitorSec", "ms", nil, ""},
		"updelay":           {"UpDelaySec", "ms", nil, ""},
		"downdelay":         {"DownDelaySec", "ms", nil, ""},
		"arp_interval":      {"ARPIntervalSec", "ms", nil, plain},
		"lp_interval":       {"LearnPacketIntervalSec", "s", nil, ""},
		"arp_ip_target":     {"ARPIPTargets", "", nil, ""},
		"resend_igmp":       {"ResendIGMP", "", nil, ""},
		"packets_per_slave": {"PacketsPerSlave", "", nil, "balance-rr"},
		"num_grat_arp":      {"GratuitousARP", "", nil, ""},
		"min_links":         {"MinLinks", "", nil, ""},
		"ad_actor_sys_prio": {"AdActorSystemPriority", "", nil, lacp},
		"ad_user_port_key":  {"AdUserPortKey", "", nil, lacp},
		"ad_actor_system":   {"AdActorSystem", "", nil, lacp},
		"use_carrier":       {"", "", off, ""},
		"peer_notif_delay":  {"", "ms", nil, ""},
		"arp_missed_max":    {"", "", nil, plain},
		"primary":           {"", "", nil, "active-backup " + tlb}, // said of the port
	}
}

// bondOptions puts options into one spelling, the mode first, on which others
// depend. One that can't be written as an option is left out.
func bondOptions(options []string) []string {
	var out []string
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		name = cmp.Or(map[string]string{"num_unsol_na": "num_grat_arp", "all_ports_active": "all_slaves_active"}[name], name)
		known := bondTable()[name].values
		if n, err := strconv.Atoi(value); err == nil && n >= 0 && n < len(known) {
			value = known[n]
		}
		if regexp.MustCompile(`^[a-z_0-9]+$`).MatchString(name) && regexp.MustCompile(`^[A-Za-z0-9_.,:;+-]+$`).MatchString(value) {
			out = append(out, name+"="+value)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return modeFirst(a) - modeFirst(b) })
	return out
}

func modeFirst(option string) int {
	if strings.HasPrefix(option, "mode=") {
		return 0
	}
	return 1
}

// option is the value of a bond's option.
func option(options []string, name string) string {
	for _, o := range options {
		if value, ok := strings.CutPrefix(o, name+"="); ok {
			return value
		}
	}
	return ""
}

// targets are the addresses of arp_ip_target.
func targets(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ';' || r == '+' || r == ',' })
}

// bondSection is [Bond] of systemd.netdev(5); lacks are options that it has no
// word for. The primary port is said there.
func bondSection(options []string) (text string, lacks []string) {
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		known := bondTable()[name]
		switch {
		case name == "primary":
			continue
		case known.key == "":
			lacks = append(lacks, o)
			continue
		case name == "arp_ip_target":
			value = strings.Join(targets(value), " ")
		}
		text += known.key + "=" + value + known.unit + "\n"
	}
	if text != "" {
		text = "\n[Bond]\n" + text
	}
	return text, lacks
}

// bondWords are the options in the words of ip-link(8). Its primary port is not
// among them: it has to be one already.
func bondWords(options []string) string {
	var words []string
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		switch name {
		case "primary":
			continue
		case "peer_notif_delay":
			name = "peer_notify_delay"
		case "arp_ip_target":
			value = strings.Join(targets(value), ",")
		}
		words = append(words, name, strings.ReplaceAll(value, ";", ","))
	}
	return strings.Join(words, " ")
}

// bondWrongs is what the kernel would refuse of a bond's options, each with
// what to do. They are in one spelling already; asked is how they were given.
func bondWrongs(asked, options []string) []string {
	var out []string
	if len(options) < len(asked) {
		return []string{fmt.Sprintf("%q are no options of a bond; one is miimon=100", strings.Join(asked, ","))}
	}
	mode := cmp.Or(option(options, "mode"), "balance-rr")
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		known, there := bondTable()[name]
		switch {
		case !there:
			out = append(out, fmt.Sprintf("a bond has no option %q; see the kernel's Documentation/networking/bonding.rst", name))
		case !known.takes(name, value):
			out = append(out, fmt.Sprintf("%s can't be %q: %s", name, value, cmp.Or(strings.Join(known.values, ", "), "see the kernel's Documentation/networking/bonding.rst")))
		case known.modes != "" && !slices.Contains(strings.Fields(known.modes), mode):
			out = append(out, fmt.Sprintf("%s does not go with mode=%s, only with %s", name, mode, strings.ReplaceAll(known.modes, " ", ", ")))
		}
	}
	return append(out, monitorWrongs(options)...)
}

// monitorWrongs is about how a bond finds out that a port is dead.
func monitorWrongs(options []string) []string {
	on := func(name string) bool { return option(options, name) != "" && option(options, name) != "0" }
	switch {
	case on("miimon") && on("arp_interval"):
		return []string{"miimon and arp_interval exclude each other: a bond watches its ports in one way"}
	case on("arp_interval") != on("arp_ip_target"):
		return []string{"arp_interval and arp_ip_target go only together"}
	case (on("updelay") || on("downdelay")) && !on("miimon"):
		return []string{"updelay and downdelay go only with miimon"}
	}
	return nil
}

// takes reports whether the option can have that value.
func (o bondOption) takes(name, value string) bool {
	switch {
	case o.values != nil:
		return slices.Contains(o.values, value)
	case name == "arp_ip_target":
		return !slices.ContainsFunc(targets(value), func(a string) bool { ip, err := netip.ParseAddr(a); return err != nil || !ip.Is4() })
	case name == "ad_actor_system":
		return hardware(value) != ""
	case name == "primary":
		return true
	}
	n, err := strconv.Atoi(value)
	return err == nil && n >= 0
}

// watched are the options with a way to find out that a port is dead: a bond
// that is told none keeps sending to it.
func watched(options []string) []string {
	if option(options, "miimon") == "" && option(options, "arp_interval") == "" {
		return append(slices.Clone(options), "miimon=100")
	}
	return options
}
