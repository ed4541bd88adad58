package mediatest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// Authority is a CA that nobody knows.
type Authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	ips  []net.IP
}

// NewAuthority makes one whose servers have these addresses.
func NewAuthority(t testing.TB, addresses ...string) *Authority {
	t.Helper()
	a := &Authority{cert: template("molt test CA")}
	for _, ip := range addresses {
		a.ips = append(a.ips, net.ParseIP(ip))
	}
	a.cert.IsCA, a.cert.BasicConstraintsValid, a.cert.KeyUsage = true, true, x509.KeyUsageCertSign
	a.key = newKey(t)
	a.cert.Raw = a.sign(t, a.cert, a.key)
	return a
}

func template(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(24 * time.Hour)}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *Authority) sign(t testing.TB, cert *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// PEM is the CA's own certificate.
func (a *Authority) PEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// Issue writes a server's certificate and key to dir.
func (a *Authority) Issue(t testing.TB, dir string) (certFile, keyFile string) {
	t.Helper()
	cert, key := template("molt test server"), newKey(t)
	cert.IPAddresses, cert.KeyUsage = a.ips, x509.KeyUsageDigitalSignature
	cert.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return writeFile(t, dir, "cert.pem", block("CERTIFICATE", a.sign(t, cert, key)), 0o644),
		writeFile(t, dir, "key.pem", block("PRIVATE KEY", secret), 0o600)
}
