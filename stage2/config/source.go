package config

// Source is where the packages or the image of the installation come from. The
// zero value leaves it to the medium the machine was started from.
type Source struct {
	Kind      string `json:"kind"`                // "cdrom", "nfs", "harddrive", "url", "liveimg"
	URL       string `json:"url,omitempty"`       // of url and liveimg; never with a password
	Server    string `json:"server,omitempty"`    // of nfs
	Dir       string `json:"dir,omitempty"`       // of nfs and harddrive
	Options   string `json:"options,omitempty"`   // of nfs: mount options
	Partition string `json:"partition,omitempty"` // of harddrive: "sda1", "LABEL=…"
	Checksum  string `json:"checksum,omitempty"`  // of liveimg: SHA-256, in hex
	Transfer
}

// Transfer is how something is fetched.
type Transfer struct {
	Proxy      string `json:"proxy,omitempty"`       // URL
	NoVerify   bool   `json:"no_verify,omitempty"`   // the server's certificate isn't checked
	CACert     string `json:"ca_cert,omitempty"`     // URLs or paths of PEM files
	ClientCert string `json:"client_cert,omitempty"` // the same
	ClientKey  string `json:"client_key,omitempty"`  // the same
}

// Mirror is an archive for the installed system's package manager.
type Mirror struct {
	Name string `json:"name,omitempty"`
	URL  string `json:"url"`
	Transfer
}

// Certificate is a file with certificates, or with a private key.
type Certificate struct {
	Filename string `json:"filename"`
	Dir      string `json:"dir,omitempty"` // empty leaves it to the system
	Body     PEM    `json:"body"`
}

// DriverDisk is where drivers are found that the installer lacks: one of the two.
type DriverDisk struct {
	Partition string `json:"partition,omitempty"`
	URL       string `json:"url,omitempty"`
}

// Logging sends the installer's log to a syslog server too.
type Logging struct {
	Host string `json:"host"`
	Port int    `json:"port,omitempty"` // 0 is 514
}

// Rescue is how the system to be mended is mounted.
type Rescue struct {
	NoMount  bool `json:"nomount,omitempty"`
	ReadOnly bool `json:"read_only,omitempty"`
}
