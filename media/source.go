package media

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// Source is what inst.stage2=, inst.repo= and inst.ks= name.
type Source struct {
	Scheme string `json:"scheme"` // "cdrom", "hd", "file", "nfs", "nfs4", "http", "https", "ftp"
	// Device is "/dev/sr0", "LABEL=OEMDRV" or "UUID=…". It can be empty with
	// cdrom only: any drive.
	Device string `json:"device,omitempty"`
	// Path is absolute: on the device, at the NFS server or, with file, in the root directory. It is
	// empty with cdrom when none was given, and where there is a URL.
	Path string `json:"path,omitempty"`
	// Server is the NFS server's name or address, without brackets.
	Server string `json:"server,omitempty"`
	// Options are those of the NFS mount: "vers=3,nolock".
	Options string `json:"options,omitempty"`
	// URL is all of an http, https or ftp source, as it was given. It can hold
	// a password: print Redacted.
	URL string `json:"url,omitempty"`
}

var (
	// ErrUnsupported is for users of a Source that can't use one of its kind.
	ErrUnsupported = errors.New("not supported here yet; cdrom, hd and file are")
	// ErrScheme is a source of no kind.
	ErrScheme = errors.New("must begin with cdrom, hd:, file:, nfs:, nfs4:, http://, https:// or ftp://")
)

// URLError is a source that can't be used.
type URLError struct {
	URL string // without a password
	Err error
}

func (e *URLError) Error() string { return fmt.Sprintf("source %q: %v", e.URL, e.Err) }
func (e *URLError) Unwrap() error { return e.Err }

// scheme is one kind of source.
type scheme struct {
	name  string
	parse func(rest string) (Source, error) // of what follows after "name:"
}

func schemes() []scheme {
	return []scheme{
		{"cdrom", parseCDROM},
		{"hd", parseHD},
		{"file", parseFile},
		{"nfs", parseNFS("nfs")},
		{"nfs4", parseNFS("nfs4")},
		{"http", parseURL("http")},
		{"https", parseURL("https")},
		{"ftp", parseURL("ftp")},
	}
}

// ParseSource reads a source in Anaconda's spelling:
//
//	cdrom[:device][:/path]
//	hd:device[:/path]       device: sda1, /dev/sda1, LABEL=name, UUID=id
//	file:/path
//	nfs:[options:]server:/path, nfs4:[options:]server:/path
//	http://[user:password@]server[:port]/path, https://…, ftp://…
//
// A scheme before // can be in capitals (RFC 3986, section 3.1). In a label, \x20 is a
// space, as udev writes it. Every error is a *URLError.
func ParseSource(s string) (Source, error) {
	name, rest, _ := strings.Cut(s, ":")
	if strings.HasPrefix(rest, "//") {
		name = strings.ToLower(name)
	}
	for _, k := range schemes() {
		if k.name != name {
			continue
		}
		src, err := k.parse(rest)
		if err != nil {
			return Source{}, &URLError{URL: Redact(s), Err: err}
		}
		return src, nil
	}
	return Source{}, &URLError{URL: Redact(s), Err: ErrScheme}
}

func parseCDROM(rest string) (Source, error) {
	if strings.HasPrefix(rest, "/") && !strings.HasPrefix(rest, "/dev/") {
		p, err := cleanPath(rest)
		return Source{Scheme: "cdrom", Path: p}, err
	}
	return parseDevice("cdrom", rest)
}

func parseHD(rest string) (Source, error) {
	src, err := parseDevice("hd", rest)
	if err == nil && src.Device == "" {
		return Source{}, errors.New("must be hd:DEVICE:/path with sda1, LABEL=name or UUID=id for DEVICE")
	}
	if err == nil && src.Path == "" {
		src.Path = "/"
	}
	return src, err
}

// parseDevice reads DEVICE[:PATH].
func parseDevice(scheme, rest string) (Source, error) {
	name, p, _ := strings.Cut(rest, ":")
	device, err := deviceName(name)
	if err != nil {
		return Source{}, err
	}
	if p == "" {
		return Source{Scheme: scheme, Device: device}, nil
	}
	p, err = cleanPath(p)
	return Source{Scheme: scheme, Device: device, Path: p}, err
}

// deviceName gives a device the form it has in Source.
func deviceName(s string) (string, error) {
	if s == "" || strings.HasPrefix(s, "UUID=") && s != "UUID=" {
		return s, nil
	}
	if strings.HasPrefix(s, "LABEL=") && s != "LABEL=" {
		return unescape(s), nil
	}
	device := path.Clean("/dev/" + strings.TrimPrefix(s, "/dev/"))
	if !strings.HasPrefix(device, "/dev/") || strings.ContainsAny(s, "\x00=") {
		return "", fmt.Errorf("%q names no device; it must be sda1, /dev/sda1, LABEL=name or UUID=id", s)
	}
	return device, nil
}

func parseFile(rest string) (Source, error) {
	rest = strings.TrimPrefix(rest, "//")
	if !strings.HasPrefix(rest, "/") {
		return Source{}, errors.New("must be file:/absolute/path")
	}
	p, err := cleanPath(rest)
	return Source{Scheme: "file", Path: p}, err
}

func cleanPath(p string) (string, error) {
	if strings.ContainsRune(p, 0) {
		return "", errors.New("has a NUL in its path")
	}
	return path.Clean("/" + p), nil
}

// String is s in the spelling that ParseSource reads, with its password.
func (s Source) String() string {
	if s.URL != "" {
		return s.URL
	}
	words := []string{s.Scheme}
	if s.Server != "" {
		words = append(words, s.nfsWords()...)
	}
	if s.Device != "" {
		words = append(words, escape(s.Device))
	}
	if s.Path != "" {
		words = append(words, s.Path)
	}
	return strings.Join(words, ":")
}

// Match reports whether v is the volume that s.Device names. With no device
// every volume is.
func (s Source) Match(v Volume) bool {
	if label, ok := strings.CutPrefix(s.Device, "LABEL="); ok {
		return label == v.Label
	}
	if uuid, ok := strings.CutPrefix(s.Device, "UUID="); ok {
		return strings.EqualFold(uuid, v.UUID)
	}
	return s.Device == "" || s.Device == v.Path
}

// unescape turns \x20 into a space.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) && s[i+1] == 'x' {
			if n, err := strconv.ParseUint(s[i+2:i+4], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// escape is for labels: what separates words of a command line or of a source.
func escape(s string) string {
	if !strings.HasPrefix(s, "LABEL=") {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == ':' || c == '"' || c == '\\' || c == 0x7f {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
