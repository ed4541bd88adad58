package kickstart

import (
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// applySource reads the command of one slot: the last one counts.
func applySource(b *builder, c *call) {
	s := config.Source{
		Kind: c.name, URL: c.str("url"), Server: c.str("server"), Dir: c.str("dir"), Options: c.str("opts"),
		Partition: c.str("partition"), Checksum: strings.ToLower(c.str("checksum")), Transfer: b.transfer(c),
	}
	switch {
	case c.name == "liveimg":
		b.cleanURL(c, "--url", s.URL, "http:", "https:", "ftp:", "file:")
	case c.has("url"):
		b.cleanURL(c, "--url", s.URL, "http:", "https:", "ftp:", "file:", "nfs:")
	case c.has("server") && (s.Server == "" || !only(s.Server, "._:-[]")):
		b.wrong(c, "%q is no host name", s.Server)
	case c.has("dir") && s.Dir == "":
		b.wrong(c, "--dir is empty")
	case c.has("partition") && s.Partition == "":
		b.wrong(c, "--partition is empty: write sda1, or LABEL=…")
	}
	if c.has("checksum") && (len(s.Checksum) != 64 || strings.Trim(s.Checksum, "0123456789abcdef") != "") {
		b.wrong(c, "--checksum is no SHA-256: 64 hexadecimal digits")
	}
	b.answers.Source = s
}

// transfer reads how something is fetched.
func (b *builder) transfer(c *call) config.Transfer {
	if c.has("proxy") {
		b.cleanURL(c, "--proxy", c.str("proxy"), "http:", "https:", "ftp:", "")
	}
	return config.Transfer{
		Proxy: c.str("proxy"), NoVerify: c.has("noverifyssl"),
		CACert: c.str("sslcacert"), ClientCert: c.str("sslclientcert"), ClientKey: c.str("sslclientkey"),
	}
}

// cleanURL checks a URL that is kept where everybody can read it. The scheme ""
// allows what has none.
func (b *builder) cleanURL(c *call, what, u string, schemes ...string) {
	scheme, _, ok := strings.Cut(u, "//")
	if !ok {
		scheme = ""
	}
	switch {
	case hideURL(u) != u || scheme == "" && strings.Contains(u, "@"):
		b.wrong(c, "%s has a user in it, whose password everybody could read on the installed system; leave it out", what)
	case u == "" || !slices.Contains(schemes, strings.ToLower(scheme)) || strings.ContainsAny(u, " \t"):
		b.wrong(c, "%s is no URL; one looks like http://mirror.example.com/debian", what)
	}
}

// applyRepo takes a repository for the installed system. Anaconda installs from
// it too; here all packages of the installation are on the discs.
func applyRepo(b *builder, c *call) {
	if c.str("name") == "" || c.str("baseurl") == "" {
		b.wrong(c, "--name and --baseurl are needed")
		return
	}
	if hideURL(c.str("baseurl")) != c.str("baseurl") {
		b.wrong(c, "a URL with a password in it would be readable by everybody on the installed system; use apt_auth.conf(5)")
		return
	}
	if !c.has("install") {
		b.warn(c.pos, "repo %s is set up in the installed system; the installation itself takes packages from the discs alone", c.str("name"))
	}
	b.claim(c, "repo", c.str("name"), "the name %s is already that of")
	b.answers.Mirrors = append(b.answers.Mirrors, config.Mirror{Name: c.str("name"), URL: c.str("baseurl"), Transfer: b.transfer(c)})
}

func applyUpdates(b *builder, c *call) {
	b.cleanURL(c, "the argument", c.arg(0), "http:", "https:", "ftp:", "file:", "")
	b.answers.Updates = c.arg(0)
}

func applyDriverdisk(b *builder, c *call) {
	if c.has("source") {
		b.cleanURL(c, "--source", c.str("source"), "http:", "https:", "ftp:", "file:", "")
	}
	b.answers.DriverDisks = append(b.answers.DriverDisks, config.DriverDisk{Partition: c.arg(0), URL: c.str("source")})
}

func applyLogging(b *builder, c *call) {
	l := config.Logging{Host: c.str("host")}
	if c.has("host") && (l.Host == "" || !only(l.Host, "._:-")) {
		b.wrong(c, "%q is no host name", l.Host)
	}
	if c.has("port") {
		n, err := strconv.Atoi(c.str("port"))
		if err != nil || n < 1 || n > 65535 {
			b.wrong(c, "--port must be between 1 and 65535")
		}
		l.Port = n
	}
	if l.Host == "" {
		b.warn(c.pos, "logging is ignored: it says nothing without --host")
	}
	b.answers.Logging = l
}

func applyRescue(b *builder, c *call) {
	b.answers.Rescue = &config.Rescue{NoMount: c.has("nomount"), ReadOnly: c.has("romount")}
}
