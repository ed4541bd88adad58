package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// bridgeOption is an option of a bridge: its name is NetworkManager's, which is
// kickstart's.
type bridgeOption struct {
	key      string // of systemd.netdev(5)
	word     string // of ip-link(8)
	seconds  bool   // which are hundredths there
	from, to int    // what the kernel takes; 0 and 0: on or off
}

func bridgeTable() map[string]bridgeOption {
	return map[string]bridgeOption{
		"stp":                {"STP", "stp_state", false, 0, 0},
		"priority":           {"Priority", "priority", false, 0, 65535},
		"forward-delay":      {"ForwardDelaySec", "forward_delay", true, 2, 30},
		"hello-time":         {"HelloTimeSec", "hello_time", true, 1, 10},
		"max-age":            {"MaxAgeSec", "max_age", true, 6, 40},
		"ageing-time":        {"AgeingTimeSec", "ageing_time", true, 0, 1000000},
		"multicast-snooping": {"MulticastSnooping", "mcast_snooping", false, 0, 0},
		"vlan-filtering":     {"VLANFiltering", "vlan_filtering", false, 0, 0},
		"group-forward-mask": {"GroupForwardMask", "group_fwd_mask", false, 0, 65535},
	}
}

// bridgeOptions puts options into one spelling; wrong is what can't be one.
// Without stp it is off, as the kernel and Debian have it, on every target:
// NetworkManager would switch it on.
func bridgeOptions(options []string) (out, wrong []string) {
	onOff := map[string]string{"on": "on", "yes": "on", "true": "on", "1": "on", "off": "off", "no": "off", "false": "off", "0": "off"}
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		name = strings.ReplaceAll(name, "_", "-")
		known, there := bridgeTable()[name]
		n, err := strconv.Atoi(value)
		switch {
		case !there:
			wrong = append(wrong, fmt.Sprintf("a bridge has no option %q; there are ageing-time, forward-delay, group-forward-mask, hello-time, max-age, multicast-snooping, priority, stp and vlan-filtering", name))
			continue
		case known.to == 0 && onOff[value] == "":
			wrong = append(wrong, fmt.Sprintf("%s can't be %q; it is on or off", name, value))
		case known.to > 0 && (err != nil || n < known.from || n > known.to):
			wrong = append(wrong, fmt.Sprintf("%s can't be %q; it is between %d and %d", name, value, known.from, known.to))
		case known.to == 0:
			value = onOff[value]
		default:
			value = strconv.Itoa(n)
		}
		out = append(out, name+"="+value)
	}
	if option(out, "stp") == "" {
		out = slices.Insert(out, 0, "stp=off")
	}
	return out, wrong
}

// bridgeSection is [Bridge] of systemd.netdev(5).
func bridgeSection(options []string) string {
	text := ""
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		text += bridgeTable()[name].key + "=" + map[string]string{"on": "yes", "off": "no"}[value]
		if _, err := strconv.Atoi(value); err == nil {
			text += value
		}
		if bridgeTable()[name].seconds {
			text += "s"
		}
		text += "\n"
	}
	if text != "" {
		text = "\n[Bridge]\n" + text
	}
	return text
}

// bridgeWords are the options in the words of ip-link(8).
func bridgeWords(options []string) string {
	var words []string
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		known := bridgeTable()[name]
		switch value {
		case "on":
			value = "1"
		case "off":
			value = "0"
		}
		if known.seconds {
			value += "00"
		}
		words = append(words, known.word, value)
	}
	return strings.Join(words, " ")
}
