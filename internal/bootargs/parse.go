package bootargs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// option is one known name. set gets the value, and whether there was one.
type option struct {
	name string
	set  func(o *Options, p Param) error
}

// Parse reads a command line, as in /proc/cmdline.
func Parse(line string) (Options, []Warning) {
	var o Options
	var warnings []Warning
	known := options()
	for _, p := range Split(line) {
		if err := apply(&o, known, p); err != nil {
			warnings = append(warnings, Warning{Option: p.Told(), Problem: err.Error()})
		}
	}
	return o, warnings
}

func apply(o *Options, known []option, p Param) error {
	i := slices.IndexFunc(known, func(k option) bool { return k.name == p.Name })
	if i >= 0 {
		return known[i].set(o, p)
	}
	if !strings.HasPrefix(p.Name, "inst.") {
		return nil
	}
	return unknown(p.Name, known)
}

// options is the table of all names, in the order of docs/boot-options.md.
func options() []option {
	return []option{
		{"inst.stage2", list(func(o *Options) *[]string { return &o.Stage2 }, plain)},
		{"inst.repo", list(func(o *Options) *[]string { return &o.Repo }, plain)},
		{"inst.addrepo", addRepo},
		{"inst.ks", list(func(o *Options) *[]string { return &o.Kickstart }, plain)},
		{"inst.ks.sendmac", flag(func(o *Options) *bool { return &o.SendMAC })},
		{"inst.text", flag(func(o *Options) *bool { return &o.Text })},
		{"inst.text.plain", flag(func(o *Options) *bool { return &o.Plain })},
		{"inst.cmdline", flag(func(o *Options) *bool { return &o.Cmdline })},
		{"inst.rescue", flag(func(o *Options) *bool { return &o.Rescue })},
		{"inst.pauseatsummary", flag(func(o *Options) *bool { return &o.Summary })},
		{"inst.sshd", flag(func(o *Options) *bool { return &o.SSHD })},
		{"inst.sshd.password", text(func(o *Options) *string { return &o.SSHPassword })},
		{"inst.sshd.key", list(func(o *Options) *[]string { return &o.SSHKeys }, publicKey)},
		{"inst.onfail", choice(func(o *Options) *OnFail { return &o.OnFail }, OnFailPoweroff, OnFailReboot, OnFailShell)},
		{"inst.lang", text(func(o *Options) *string { return &o.Lang })},
		{"inst.keymap", text(func(o *Options) *string { return &o.Keymap })},
		{"inst.updates", text(func(o *Options) *string { return &o.Updates })},
		{"inst.dd", driverDisk},
		{"inst.proxy", text(func(o *Options) *string { return &o.Proxy })},
		{"inst.cacert", list(func(o *Options) *[]string { return &o.CACerts }, plain)},
		{"inst.noverifyssl", flag(func(o *Options) *bool { return &o.NoVerifySSL })},
		{"inst.nosave", noSave},
		{"rd.live.check", flag(func(o *Options) *bool { return &o.MediaCheck })},
		{"inst.loglevel", choice(func(o *Options) *LogLevel { return &o.LogLevel }, LogDebug, LogInfo, LogWarning, LogError, LogCritical)},
		{"inst.debug", flag(func(o *Options) *bool { return &o.Debug })},
		{"inst.debug.fail", text(func(o *Options) *string { return &o.FailStep })},
		{"inst.syslog", text(func(o *Options) *string { return &o.Syslog })},
		{"inst.virtiolog", text(func(o *Options) *string { return &o.VirtioLog })},
		{"console", console},
		{"inst.waitfornet", waitForNet},
		{"ip", list(func(o *Options) *[]IP { return &o.IP }, parseIP)},
		{"nameserver", list(func(o *Options) *[]addr { return &o.Nameservers }, parseAddr)},
		{"ifname", list(func(o *Options) *[]IfName { return &o.Names }, parseIfName)},
		{"vlan", list(func(o *Options) *[]VLAN { return &o.VLANs }, parseVLAN)},
		{"bond", list(func(o *Options) *[]Bond { return &o.Bonds }, parseBond)},
		{"bridge", list(func(o *Options) *[]Bridge { return &o.Bridges }, parseBridge)},
		{"rd.route", list(func(o *Options) *[]Route { return &o.Routes }, parseRoute)},
		{"BOOTIF", bootIF},
	}
}

func errNoValue() error { return errors.New("needs a value; the option is ignored") }

func text(field func(*Options) *string) func(*Options, Param) error {
	return func(o *Options, p Param) error {
		if p.Value == "" {
			return errNoValue()
		}
		*field(o) = p.Value
		return nil
	}
}

// flag is on when it is named, as in Anaconda: also with a value, except 0, no and off.
func flag(field func(*Options) *bool) func(*Options, Param) error {
	return func(o *Options, p Param) error {
		*field(o) = !p.HasValue || !slices.Contains([]string{"0", "no", "off"}, p.Value)
		return nil
	}
}

func choice[T ~string](field func(*Options) *T, values ...T) func(*Options, Param) error {
	return func(o *Options, p Param) error {
		if !slices.Contains(values, T(p.Value)) {
			return fmt.Errorf("must be one of %s; the option is ignored", join(values))
		}
		*field(o) = T(p.Value)
		return nil
	}
}

// list is a repeatable option with a value that parse reads.
func list[T any](field func(*Options) *[]T, parse func(string) (T, error)) func(*Options, Param) error {
	return func(o *Options, p Param) error {
		if p.Value == "" {
			return errNoValue()
		}
		v, err := parse(p.Value)
		if err != nil {
			return fmt.Errorf("%w; the option is ignored", err)
		}
		*field(o) = append(*field(o), v)
		return nil
	}
}

func plain(s string) (string, error) { return s, nil }

// publicKey checks what can be without knowing the kinds of keys.
func publicKey(s string) (string, error) {
	if len(strings.Fields(s)) < 2 {
		return "", errors.New(`must be a public key, in quotes as it has spaces: "ssh-ed25519 AAAA… name"`)
	}
	return s, nil
}

func join[T ~string](values []T) string {
	s := make([]string, len(values))
	for i, v := range values {
		s[i] = string(v)
	}
	return strings.Join(s, ", ")
}

func addRepo(o *Options, p Param) error {
	name, url, ok := strings.Cut(p.Value, ",")
	if !ok || name == "" || url == "" {
		return errors.New("must be NAME,URL; the option is ignored")
	}
	o.Extra = append(o.Extra, Repo{Name: name, URL: url})
	return nil
}

func driverDisk(o *Options, p Param) error {
	if p.Value == "" {
		o.AskDrivers = true
		return nil
	}
	o.DriverDisks = append(o.DriverDisks, p.Value)
	return nil
}

func noSave(o *Options, p Param) error {
	known := []string{"input_ks", "output_ks", "all_ks", "logs", "all"}
	o.NoSave = nil
	for _, v := range strings.Split(p.Value, ",") {
		if !slices.Contains(known, v) {
			return fmt.Errorf("%q is none of %s", v, join(known))
		}
		o.NoSave = append(o.NoSave, v)
	}
	return nil
}

func console(o *Options, p Param) error {
	device, options, _ := strings.Cut(p.Value, ",")
	if device == "" {
		return nil // "console=" is the kernel's way to say none
	}
	o.Consoles = append(o.Consoles, Console{Device: device, Options: options})
	return nil
}

func waitForNet(o *Options, p Param) error {
	n, err := strconv.Atoi(p.Value)
	if err != nil || n < 0 || n > 24*60*60 {
		return errors.New("must be a number of seconds up to a day; the option is ignored")
	}
	o.WaitForNet = time.Duration(n) * time.Second
	return nil
}

func bootIF(o *Options, p Param) error {
	mac, err := parseBootIF(p.Value)
	if err != nil {
		return fmt.Errorf("%w; the option is ignored", err)
	}
	o.BootIF = mac
	return nil
}
