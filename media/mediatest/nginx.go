package mediatest

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"testing"
)

// Nginx is how Debian's web server is set up. What is in a directory closed/ is
// forbidden; below /whole/ is all of Dir again, without ranges, and /moved/ sends
// the client to the same place at the root.
type Nginx struct {
	Dir       string
	Host      string     // where it listens, 127.0.0.1 if empty
	Authority *Authority // if given it speaks TLS
	// User and Password make it a proxy that wants them; Dir is not used then.
	User, Password string
}

// Start runs it until the test ends.
func (n Nginx) Start(t testing.TB) *Daemon {
	t.Helper()
	program := find(t, "nginx")
	if n.Host == "" {
		n.Host = "127.0.0.1"
	}
	address := net.JoinHostPort(n.Host, freePort(t, n.Host))
	tmp := t.TempDir()
	conf := writeFile(t, tmp, "conf", fmt.Sprintf(`daemon off; pid %[1]s/pid; error_log stderr; user www-data; worker_processes 1;
events {}
http { access_log off; sendfile on; default_type application/octet-stream;
 client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
 server { listen %[2]s%[3]s } }
`, tmp, address, n.server(t, tmp)), 0o600)
	return startDaemon(t, address, program, "-c", conf, "-e", "stderr")
}

// server are the lines that follow listen's address.
func (n Nginx) server(t testing.TB, tmp string) string {
	if n.User != "" {
		login := base64.StdEncoding.EncodeToString([]byte(n.User + ":" + n.Password))
		return fmt.Sprintf(`; proxy_buffering off;
  location / { if ($http_proxy_authorization != "Basic %s") { return 407; } proxy_pass http://$http_host$request_uri; }`, login)
	}
	tls := ""
	if n.Authority != nil {
		cert, key := n.Authority.Issue(t, tmp)
		tls = fmt.Sprintf(" ssl; ssl_certificate %s; ssl_certificate_key %s", cert, key)
	}
	return fmt.Sprintf(`%s; root %s; location /closed/ { deny all; }
  location /whole/ { alias %[2]s/; max_ranges 0; } rewrite ^/moved/(.*) /$1 redirect`, tls, forAll(t, n.Dir)) + ";"
}

// URL is that of a path as a client sees it that knows the server as host;
// what it was started with if that is empty.
func (d *Daemon) URL(scheme, host, path string) string {
	address := d.Address
	if host != "" {
		address = net.JoinHostPort(host, d.port())
	}
	return (&url.URL{Scheme: scheme, Host: address, Path: path}).String()
}
