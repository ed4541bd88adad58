// Package config holds the answers to every question an installation asks. A
// kickstart file, the screens and saved answers are three notations of the one
// type Answers.
//
// It is data: it reads no machine and checks nothing that needs one (that is
// plan.Build). Sizes are in bytes unless a name says MiB.
package config

// Answers is everything a person or a kickstart file decides. The zero value
// of a field means "not answered".
type Answers struct {
	Language string     `json:"language,omitempty"` // locale: "en_US.UTF-8"
	Locales  []string   `json:"locales,omitempty"`  // generated besides Language
	Keyboard Keyboard   `json:"keyboard"`
	Timezone Timezone   `json:"timezone"`
	Time     TimeSource `json:"time"`
	Hostname string     `json:"hostname,omitempty"`
	Network  []Network  `json:"network,omitempty"`
	Root     Login      `json:"root"`
	Users    []User     `json:"users,omitempty"`
	Groups   []Group    `json:"groups,omitempty"` // created before the users
	SSHKeys  []SSHKey   `json:"ssh_keys,omitempty"`
	Services Services   `json:"services"`
	Storage  Storage    `json:"storage"`
	Boot     Bootloader `json:"boot"`
	Software Software   `json:"software"`
	Source   string     `json:"source,omitempty"`  // "cdrom"
	Mirrors  []Mirror   `json:"mirrors,omitempty"` // package archives the installed system uses
	Scripts  []Script   `json:"scripts,omitempty"`
	End      End        `json:"end"`
	Display  string     `json:"display,omitempty"` // "text", "cmdline"; empty is text
}

// Keyboard as console-setup knows it, keyboard(5). Several layouts stand
// separated by commas, "us,de", and then so do their variants, ",nodeadkeys".
type Keyboard struct {
	Layout  string `json:"layout,omitempty"` // XKBLAYOUT: "us", "de"
	Variant string `json:"variant,omitempty"`
	Options string `json:"options,omitempty"` // XKBOPTIONS: "grp:alt_shift_toggle"
	Keymap  string `json:"keymap,omitempty"`  // console keymap, when that is what was given
}

// Timezone by its name in the tz database.
type Timezone struct {
	Zone string `json:"zone,omitempty"` // "Europe/Berlin"
	UTC  bool   `json:"utc"`            // the hardware clock runs in UTC
}

// TimeSource says where the installed system gets its time from. The zero value
// leaves it to the system's own default.
type TimeSource struct {
	Off     bool         `json:"off,omitempty"` // no time synchronisation at all
	Servers []TimeServer `json:"servers,omitempty"`
}

// TimeServer is an NTP server or a pool of them.
type TimeServer struct {
	Host string `json:"host"`
	Pool bool   `json:"pool,omitempty"`
	NTS  bool   `json:"nts,omitempty"` // authenticated, RFC 8915
}

// Network is the configuration of one interface.
type Network struct {
	Device      string   `json:"device,omitempty"`  // name, MAC, or "link" for the first with a link
	Method      string   `json:"method,omitempty"`  // "dhcp" or "static"; empty leaves it off
	Address     string   `json:"address,omitempty"` // CIDR: "192.0.2.5/24"
	Gateway     string   `json:"gateway,omitempty"`
	Nameservers []string `json:"nameservers,omitempty"`
	OnBoot      bool     `json:"onboot"`
}

// Login is a password as it is stored: hashed, never plain.
type Login struct {
	Hash   string `json:"hash,omitempty"` // crypt(5)
	Locked bool   `json:"locked,omitempty"`
	Set    bool   `json:"set"` // the question was answered
}

// User is an account to create.
type User struct {
	Name   string   `json:"name"`
	Gecos  string   `json:"gecos,omitempty"`
	Groups []string `json:"groups,omitempty"`
	Home   string   `json:"home,omitempty"`
	Shell  string   `json:"shell,omitempty"`
	UID    int      `json:"uid,omitempty"`
	GID    int      `json:"gid,omitempty"`
	Login  Login    `json:"login"`
}

// Group is a group of users to create.
type Group struct {
	Name string `json:"name"`
	GID  int    `json:"gid,omitempty"` // 0 lets the system choose
}

// SSHKey is a line for a user's authorized_keys.
type SSHKey struct {
	User string `json:"user"`
	Key  string `json:"key"`
}

// Services are systemd units to switch on and off in the installed system.
type Services struct {
	Enabled  []string `json:"enabled,omitempty"`
	Disabled []string `json:"disabled,omitempty"`
}

// Bootloader is kickstart's bootloader.
type Bootloader struct {
	Location string `json:"location,omitempty"` // "mbr", "none"; empty is mbr
	Append   string `json:"append,omitempty"`   // kernel options of the installed system
	Timeout  *int   `json:"timeout,omitempty"`  // seconds
	Disk     string `json:"disk,omitempty"`     // --boot-drive
}

// Software is kickstart's %packages.
type Software struct {
	Groups   []string `json:"groups,omitempty"`
	Packages []string `json:"packages,omitempty"`
	Exclude  []string `json:"exclude,omitempty"`
}

// Mirror is an archive for the installed system's package manager.
type Mirror struct {
	Name string `json:"name,omitempty"`
	URL  string `json:"url"`
}

// ScriptKind says when a Script runs.
type ScriptKind string

// The script sections of kickstart.
const (
	Pre        ScriptKind = "pre"
	PreInstall ScriptKind = "pre-install"
	Post       ScriptKind = "post"
	OnError    ScriptKind = "onerror"
)

// Script is a script section.
type Script struct {
	Kind        ScriptKind `json:"kind"`
	Body        string     `json:"body"`
	Interpreter string     `json:"interpreter,omitempty"` // default /bin/sh
	NoChroot    bool       `json:"nochroot,omitempty"`
	Log         string     `json:"log,omitempty"`
	ErrorOnFail bool       `json:"erroronfail,omitempty"`
	Origin      string     `json:"origin,omitempty"` // file:line
}

// End is what happens after the installation.
type End struct {
	Action string `json:"action,omitempty"` // "reboot", "poweroff", "halt", "shutdown"; empty asks, or halts when unattended
	Eject  bool   `json:"eject"`
}
