package deb

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// transfersConf is where apt on the target reads how archives are reached.
const transfersConf = "etc/apt/apt.conf.d/90installer-mirrors"

// transfers is apt.conf(5) for archives that are reached in a way of their own: each
// setting is of one host. It is empty when there are none. That of a proxy has the host
// at its end (apt-transport-http(1)); that of a certificate has it before the name
// (methods/aptmethod.h, setPostfixForMethodNames), whatever
// apt-transport-https(1) says.
func transfers(mirrors []config.Mirror) string {
	var b strings.Builder
	for _, m := range mirrors {
		u, err := url.Parse(m.URL)
		if err != nil || u.Hostname() == "" {
			continue // file:, or what apt will complain about itself
		}
		set := func(name, value string) {
			if value != "" {
				fmt.Fprintf(&b, "Acquire::%s \"%s\";\n", name, value)
			}
		}
		secure := "https::" + u.Hostname() + "::"
		set(u.Scheme+"::Proxy::"+u.Hostname(), proxyURL(m.Proxy))
		set(secure+"CAInfo", localPath(m.CACert))
		set(secure+"SSLCert", localPath(m.ClientCert))
		set(secure+"SSLKey", localPath(m.ClientKey))
		if m.NoVerify {
			set(secure+"Verify-Peer", "false")
			set(secure+"Verify-Host", "false")
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "// How the archives are reached; written by the installer. See apt-transport-https(1).\n" + b.String()
}

// proxyURL is a proxy as apt wants it. The port is what the installer takes too when
// none is given.
func proxyURL(proxy string) string {
	if proxy != "" && !strings.Contains(proxy, "://") {
		proxy = "http://" + proxy
	}
	if u, err := url.Parse(proxy); err == nil && u.Host != "" && u.Port() == "" {
		u.Host += ":3128"
		return u.String()
	}
	return proxy
}

func localPath(name string) string { return strings.TrimPrefix(name, "file://") }
