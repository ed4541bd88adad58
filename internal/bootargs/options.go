package bootargs

import (
	"fmt"
	"net/netip"
	"time"
)

// Options is the installer's part of a kernel command line. The zero value of
// a field means that the option was not given.
type Options struct {
	// Sources, as media.ParseSource reads them; repeatable, to be tried in order.
	Stage2    []string `json:"stage2,omitempty"` // inst.stage2=
	Repo      []string `json:"repo,omitempty"`   // inst.repo=
	Kickstart []string `json:"ks,omitempty"`     // inst.ks=: with a file in it

	Extra   []Repo   `json:"addrepo,omitempty"`    // inst.addrepo=, repeatable
	CACerts []string `json:"cacert,omitempty"`     // inst.cacert=, repeatable: sources with a PEM file in them
	SendMAC bool     `json:"ks_sendmac,omitempty"` // inst.ks.sendmac: name the network cards when fetching it

	Text    bool `json:"text,omitempty"`    // inst.text
	Plain   bool `json:"plain,omitempty"`   // inst.text.plain: numbered questions, line by line
	Cmdline bool `json:"cmdline,omitempty"` // inst.cmdline: ask nothing, draw nothing
	Rescue  bool `json:"rescue,omitempty"`  // inst.rescue
	Summary bool `json:"summary,omitempty"` // inst.pauseatsummary: show all before it begins, also with a complete kickstart
	SSHD    bool `json:"sshd,omitempty"`    // inst.sshd
	// SSHPassword is inst.sshd.password=, itself or its hash, crypt(5). It is no part of
	// the options where they are written down.
	SSHPassword string   `json:"-"`
	SSHKeys     []string `json:"sshd_key,omitempty"` // inst.sshd.key=, repeatable: "ssh-ed25519 AAAA… name"
	OnFail      OnFail   `json:"onfail,omitempty"`   // inst.onfail=
	Lang        string   `json:"lang,omitempty"`     // inst.lang=: "de_DE.UTF-8"
	Keymap      string   `json:"keymap,omitempty"`   // inst.keymap=: "de"

	Updates     string   `json:"updates,omitempty"`     // inst.updates=: a source
	DriverDisks []string `json:"dd,omitempty"`          // inst.dd=, repeatable: sources
	AskDrivers  bool     `json:"ask_dd,omitempty"`      // inst.dd without a value: ask for a driver disk
	Proxy       string   `json:"proxy,omitempty"`       // inst.proxy=; can hold a password
	NoVerifySSL bool     `json:"noverifyssl,omitempty"` // inst.noverifyssl
	NoSave      []string `json:"nosave,omitempty"`      // inst.nosave=: "input_ks", "output_ks", "all_ks", "logs", "all"
	MediaCheck  bool     `json:"mediacheck,omitempty"`  // rd.live.check

	LogLevel  LogLevel `json:"loglevel,omitempty"`  // inst.loglevel=
	Debug     bool     `json:"debug,omitempty"`     // inst.debug
	FailStep  string   `json:"failstep,omitempty"`  // inst.debug.fail=: id of a step that is to fail, to see what happens then
	Syslog    string   `json:"syslog,omitempty"`    // inst.syslog=: "host" or "host:port"
	VirtioLog string   `json:"virtiolog,omitempty"` // inst.virtiolog=: name of a virtio-serial port

	Consoles    []Console     `json:"console,omitempty"` // console=, in order; the last is /dev/console
	WaitForNet  time.Duration `json:"waitfornet,omitempty"`
	IP          []IP          `json:"ip,omitempty"`
	Nameservers []netip.Addr  `json:"nameserver,omitempty"`
	Names       []IfName      `json:"ifname,omitempty"`
	VLANs       []VLAN        `json:"vlan,omitempty"`
	Bonds       []Bond        `json:"bond,omitempty"`
	Bridges     []Bridge      `json:"bridge,omitempty"`
	Routes      []Route       `json:"route,omitempty"`
	BootIF      string        `json:"bootif,omitempty"` // MAC of the card that was booted from, "aa:bb:cc:dd:ee:ff"
}

// Unattended reports whether nobody is expected at the keyboard.
func (o Options) Unattended() bool { return len(o.Kickstart) > 0 || o.Cmdline }

// Repo is one inst.addrepo=NAME,URL.
type Repo struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// OnFail says what happens after an installation failed. Empty: stay up and
// wait for a person.
type OnFail string

// The values of inst.onfail=.
const (
	OnFailPoweroff OnFail = "poweroff"
	OnFailReboot   OnFail = "reboot"
	OnFailShell    OnFail = "shell"
)

// LogLevel is the least severe message that is logged. Empty is info.
type LogLevel string

// The values of inst.loglevel=.
const (
	LogDebug    LogLevel = "debug"
	LogInfo     LogLevel = "info"
	LogWarning  LogLevel = "warning"
	LogError    LogLevel = "error"
	LogCritical LogLevel = "critical"
)

// Console is one console=, for example console=ttyS0,115200n8.
type Console struct {
	Device  string `json:"device"`            // below /dev: "ttyS0"
	Options string `json:"options,omitempty"` // "115200n8"
}

// Warning tells of an option that has no or not all effect.
type Warning struct {
	Option  string // as given: "inst.stag2=cdrom"
	Problem string // in words, with what to write instead
}

func (w Warning) String() string { return fmt.Sprintf("%s: %s", w.Option, w.Problem) }
