package plan

import (
	"cmp"
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
}

func bondTable() map[string]bondOption {
	words := strings.Fields
	off := words("0 1")
	return map[string]bondOption{
		"mode":              {"Mode", "", words("balance-rr active-backup balance-xor broadcast 802.3ad balance-tlb balance-alb")},
		"xmit_hash_policy":  {"TransmitHashPolicy", "", words("layer2 layer3+4 layer2+3 encap2+3 encap3+4 vlan+srcmac")},
		"lacp_rate":         {"LACPTransmitRate", "", words("slow fast")},
		"ad_select":         {"AdSelect", "", words("stable bandwidth count")},
		"fail_over_mac":     {"FailOverMACPolicy", "", words("none active follow")},
		"arp_validate":      {"ARPValidate", "", words("none active backup all")},
		"arp_all_targets":   {"ARPAllTargets", "", words("any all")},
		"primary_reselect":  {"PrimaryReselectPolicy", "", words("always better failure")},
		"all_slaves_active": {"AllSlavesActive", "", off},
		"tlb_dynamic_lb":    {"DynamicTransmitLoadBalancing", "", off},
		"miimon":            {"MIIMonitorSec", "ms", nil},
		"updelay":           {"UpDelaySec", "ms", nil},
		"downdelay":         {"DownDelaySec", "ms", nil},
		"arp_interval":      {"ARPIntervalSec", "ms", nil},
		"lp_interval":       {"LearnPacketIntervalSec", "s", nil},
		"arp_ip_target":     {"ARPIPTargets", "", nil},
		"resend_igmp":       {"ResendIGMP", "", nil},
		"packets_per_slave": {"PacketsPerSlave", "", nil},
		"num_grat_arp":      {"GratuitousARP", "", nil},
		"min_links":         {"MinLinks", "", nil},
		"ad_actor_sys_prio": {"AdActorSystemPriority", "", nil},
		"ad_user_port_key":  {"AdUserPortKey", "", nil},
		"ad_actor_system":   {"AdActorSystem", "", nil},
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
