package plan

import (
	"net/url"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/payload"
)

// mirrors checks how the new system is to reach its archives. apt knows one way for
// each host, and certificates in files (apt-transport-https(1)).
func (b *builder) mirrors() {
	ways := map[string]config.Mirror{}
	for _, m := range b.Answers.Mirrors {
		subject := "repo --name=" + m.Name
		if why := b.noMirrors(); why != "" {
			b.plan.Warnings = append(b.plan.Warnings, subject+": the new system is not told of it: "+why)
		}
		u, err := url.Parse(m.URL)
		if err != nil {
			continue // check says so
		}
		if other, ok := ways[u.Hostname()]; ok && other.Transfer != m.Transfer {
			b.problems.Add(NotSupported, subject, "repo %s is at the same server and says otherwise how it is reached; apt knows one way for each", other.Name)
		}
		ways[u.Hostname()] = m
		if m.Transfer != (config.Transfer{}) && strings.Contains(u.Hostname(), ":") {
			b.problems.Add(NotSupported, subject, "apt can't be told how to reach a numeric IPv6 address; write the server's name")
		}
		for _, file := range []string{m.CACert, m.ClientCert, m.ClientKey} {
			b.mirrorFile(subject, file)
		}
		if m.NoVerify {
			b.plan.Warnings = append(b.plan.Warnings, subject+": --noverifyssl: the new system will not check who answers; its packages are signed all the same")
		}
	}
}

// noMirrors says why the new system can't be told of archives; empty: it can.
func (b *builder) noMirrors() string {
	apt := func(p payload.Package) bool { return p.Name == "apt" }
	switch packages := b.Selection.Packages; {
	case b.Answers.Source.Kind == "liveimg":
		return "with liveimg, it goes by what the image has in /etc/apt. Write it there in %post"
	case len(packages) > 0 && !slices.ContainsFunc(packages, apt):
		return "apt isn't among the packages. Add it to %packages"
	}
	return ""
}

// mirrorFile checks one file of a certificate, which somebody has to put there.
func (b *builder) mirrorFile(subject, name string) {
	file := strings.TrimPrefix(name, "file://")
	made := slices.ContainsFunc(b.Answers.Certificates, func(c config.Certificate) bool { return certificateFile(c) == file })
	switch {
	case name == "":
	case !strings.HasPrefix(file, "/") || strings.ContainsAny(file, "\"\\\n"):
		b.problems.Add(NotSupported, subject, "%s is no path on the new system; put the certificate there by %%certificate, and name that", name)
	case !made:
		b.plan.Warnings = append(b.plan.Warnings, subject+": no %certificate section makes "+file+": a package or a script has to")
	}
}
