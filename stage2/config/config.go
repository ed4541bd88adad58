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
	Source   Source     `json:"source,omitzero"`
	Mirrors  []Mirror   `json:"mirrors,omitempty"` // package archives the installed system uses
	Scripts  []Script   `json:"scripts,omitempty"`
	End      End        `json:"end"`
	Display  string     `json:"display,omitempty"` // "text", "cmdline"; empty is text

	RootSSH      bool          `json:"root_ssh,omitempty"` // sshd takes root's password
	Firewall     Firewall      `json:"firewall,omitzero"`
	Certificates []Certificate `json:"certificates,omitempty"`
	Updates      string        `json:"updates,omitempty"` // URL of an update of the installer itself
	DriverDisks  []DriverDisk  `json:"driver_disks,omitempty"`
	Logging      Logging       `json:"logging,omitzero"`
	Visitors     []Visitor     `json:"visitors,omitempty"` // may log in to the installer itself
	Rescue       *Rescue       `json:"rescue,omitempty"`   // mend a system instead of installing one
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

// Visitor may log in over SSH to the installer while it runs, if it lets anybody. Nothing
// of that is in the installed system.
type Visitor struct {
	User  string `json:"user"`
	Login Login  `json:"login,omitzero"`
	Key   string `json:"key,omitempty"` // instead of a password: a public key
}

// Services are systemd units to switch on and off in the installed system.
type Services struct {
	Enabled  []string `json:"enabled,omitempty"`
	Disabled []string `json:"disabled,omitempty"`
}

// Bootloader is kickstart's bootloader.
type Bootloader struct {
	Location   string `json:"location,omitempty"`    // "mbr", "partition", "none"; empty is mbr
	Append     string `json:"append,omitempty"`      // kernel options of the installed system
	Timeout    *int   `json:"timeout,omitempty"`     // seconds
	Disk       string `json:"disk,omitempty"`        // --boot-drive
	Password   Secret `json:"password,omitempty"`    // for changing what is started; hashed: "grub.pbkdf2.sha512.…"
	NoMBR      bool   `json:"no_mbr,omitempty"`      // GRUB is set up, and the disk's first sector left alone
	LeaveOrder bool   `json:"leave_order,omitempty"` // the firmware's list of what to start is left alone
}

// Software is kickstart's %packages. Packages and Exclude may be patterns ("vim-*"),
// and Exclude may be a group ("@games").
type Software struct {
	Environment   string   `json:"environment,omitempty"` // @^server: a group of groups
	Groups        []string `json:"groups,omitempty"`
	Packages      []string `json:"packages,omitempty"`
	Exclude       []string `json:"exclude,omitempty"`
	IgnoreMissing bool     `json:"ignore_missing,omitempty"` // a name that isn't there is passed over
	ExcludeDocs   bool     `json:"exclude_docs,omitempty"`
	InstLangs     []string `json:"inst_langs,omitempty"` // the only translations to keep
	NoCore        bool     `json:"no_core,omitempty"`    // of the base system only what makes the machine start
}

// ScriptKind says when a Script runs.
type ScriptKind string

// The script sections of kickstart.
const (
	Pre        ScriptKind = "pre"
	PreInstall ScriptKind = "pre-install"
	Post       ScriptKind = "post"
	OnError    ScriptKind = "onerror"
	Traceback  ScriptKind = "traceback"
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
