package ksearly

import (
	"net/url"
	"path"
	"strings"

	"github.com/molt-installer/molt/media"
)

// Source is where the packages are to come from.
type Source struct {
	Kind      string // "url", "nfs", "harddrive", "cdrom", or a command that names no packages; empty: none
	URL       string // of url; can hold a password, which stage 2 refuses
	Server    string // of nfs
	Dir       string // of nfs and harddrive
	Options   string // of nfs
	Partition string // of harddrive
	// How url is read. The three certificates are URLs, or paths of files that
	// %certificate makes or the initramfs has.
	Proxy                         string
	NoVerify                      bool
	CACert, ClientCert, ClientKey string
}

// Repo is s in the spelling of inst.repo=. It is empty for what doesn't name a place:
// cdrom is any of the set's discs, which are looked for anyway.
func (s Source) Repo() string {
	switch s.Kind {
	case "url":
		return fromURL(s.URL)
	case "nfs":
		return nfs(s.Server, s.Dir, s.Options)
	case "harddrive":
		return hd(s.Partition, s.Dir)
	}
	return ""
}

// fromURL spells a URL as inst.repo= does, which knows schemes in small letters alone.
func fromURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return text
	case u.Scheme == "nfs" && u.Port() != "":
		return nfs(u.Hostname(), u.Path, "port="+u.Port())
	case u.Scheme == "nfs":
		return nfs(u.Hostname(), u.Path, "")
	}
	return u.Scheme + text[len(u.Scheme):]
}

func nfs(server, dir, options string) string {
	return media.Source{Scheme: "nfs", Server: strings.Trim(server, "[]"), Path: path.Clean("/" + dir), Options: options}.String()
}

// hd spells a place on a volume. Stage 1 has none of udev's links; two kinds of them
// have a spelling of their own.
func hd(partition, dir string) string {
	device := partition
	for link, tag := range map[string]string{"/dev/disk/by-label/": "LABEL=", "/dev/disk/by-uuid/": "UUID="} {
		if name, ok := strings.CutPrefix(partition, link); ok {
			device = tag + name
		}
	}
	if strings.HasPrefix(device, "LABEL=") {
		device = strings.NewReplacer(" ", `\x20`, ":", `\x3a`).Replace(device)
	}
	if dir == "" {
		return "hd:" + device
	}
	return "hd:" + device + ":" + path.Clean("/"+dir)
}

// DriverDisk spells one driverdisk as inst.dd= does.
func DriverDisk(partition, source string) string {
	if source != "" {
		return source
	}
	return hd(partition, "")
}
