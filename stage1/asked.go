package stage1

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/ksearly"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
)

// kickstart fetches the kickstart, and does what it asks of stage 1 before anything
// else is looked for. What the boot options say wins over it.
func (s *session) kickstart(ctx context.Context) error {
	s.ks, s.asked = nil, ksearly.Commands{}
	ks, err := s.fetchKickstart(ctx)
	if ks == nil || err != nil {
		return err
	}
	data, err := os.ReadFile(s.dirs.ks)
	if err != nil {
		return fmt.Errorf("read the kickstart again: %w", err)
	}
	s.ks = ks
	if s.asked, err = ksearly.Read(data, func(url string) ([]byte, error) { return s.included(ctx, url) }); err != nil {
		return err
	}
	s.noteAsked()
	if f := s.trustSections(); f != nil {
		return f
	}
	// A card of the network may need them.
	if err := s.useDrivers(ctx, s.asked.Drivers, "Edit driverdisk in the kickstart, or put in the volume with the drivers, and try again."); err != nil {
		return err
	}
	if err := s.persist(ctx, func() *Failure { return s.credentials(ctx) }); err != nil {
		return err
	}
	return s.persist(ctx, func() *Failure { return s.reachImage(ctx) })
}

// included is a file that the kickstart includes by URL, of which its own commands
// for stage 1 are wanted. Stage 2 fetches it again.
func (s *session) included(ctx context.Context, url string) ([]byte, error) {
	var data []byte
	err := s.persist(ctx, func() *Failure {
		f := &Failure{What: fmt.Sprintf("The file %s that the kickstart includes can't be had.", media.Redact(url)),
			Hint: "Put it there, or edit the kickstart, and try again."}
		var ok bool
		if data, _, ok = s.readNamed(ctx, url, kickstartName, f); !ok {
			return f
		}
		return nil
	})
	return data, err
}

// noteAsked tells people and stage 2 what of the kickstart is gone by.
func (s *session) noteAsked() {
	a := s.asked
	s.ks.Repo, s.ks.Updates = media.Redact(a.Source.Repo()), media.Redact(a.Updates)
	for _, d := range a.Drivers {
		s.ks.Drivers = append(s.ks.Drivers, media.Redact(d))
	}
	for _, o := range []struct {
		name, asked string
		given       []string
	}{{"inst.repo", s.ks.Repo, s.opts.Repo}, {"inst.updates", s.ks.Updates, without(s.opts.Updates)}} {
		switch {
		case o.asked == "":
		case o.name == "inst.repo" && s.elsewhere && len(o.given) == 0:
			s.ks.Overruled = append(s.ks.Overruled, o.name)
			s.say("The kickstart says %s=%s; the source that was chosen here wins over it", o.name, o.asked)
		case len(o.given) == 0:
			s.say("The kickstart says %s=%s", o.name, o.asked)
		default:
			s.ks.Overruled = append(s.ks.Overruled, o.name)
			s.say("%s= is %s; that wins over the kickstart, which says %s", o.name, redacted(o.given), o.asked)
		}
	}
}

// without is a list of s, or nothing.
func without(s string) []string {
	return slices.DeleteFunc([]string{s}, func(s string) bool { return s == "" })
}

// askedRepo is where the kickstart says that the packages are, unless inst.repo=
// or a person says it.
func (s *session) askedRepo() string {
	if len(s.opts.Repo) > 0 || s.elsewhere {
		return ""
	}
	return s.asked.Source.Repo()
}

// updatesFrom is what is laid over stage 2.
func (s *session) updatesFrom() (place, says string) {
	if s.opts.Updates == "" && s.asked.Updates != "" {
		return s.asked.Updates, "updates of the kickstart"
	}
	return s.opts.Updates, "inst.updates=" + media.Redact(s.opts.Updates)
}

// badCertificate is a failure to which attempts are to be added.
func badCertificate() *Failure {
	return &Failure{What: "A certificate of the kickstart can't be used.", Hint: "Edit %certificate or --sslcacert, --sslclientcert and --sslclientkey of url in the kickstart, and try again."}
}

// trustSections has both stages trust the CAs that the kickstart brings. A certificate with
// a place of its own is for some program, or for url to name.
func (s *session) trustSections() *Failure {
	var own []byte
	for _, c := range s.asked.Certificates {
		if ksearly.Trusted(c.Dir) {
			own = slices.Concat(own, []byte("\n"), c.Body)
		}
	}
	return s.alsoTrust(own)
}

// alsoTrust adds the certificates of a PEM file, and not what else is in it, to those that are trusted.
func (s *session) alsoTrust(file []byte) *Failure {
	var own []byte
	for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			own = append(own, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})...)
		}
	}
	if len(own) == 0 {
		return nil
	}
	all, err := os.ReadFile(s.dirs.ca)
	if err == nil || errors.Is(err, os.ErrNotExist) {
		err = writePrivate(s.dirs.ca, slices.Concat(all, []byte("\n"), own))
	}
	if err != nil {
		f := badCertificate()
		f.add(s.dirs.ca, err)
		return f
	}
	return nil
}

// credentials keeps the certificates that url names, for both stages: that of its CA, and
// that with its key which the packages' server wants to see.
func (s *session) credentials(ctx context.Context) *Failure {
	f, src := badCertificate(), s.asked.Source
	if s.askedRepo() != "" && src.CACert != "" {
		data, ok := s.pem(ctx, src.CACert, f)
		if ok && !x509.NewCertPool().AppendCertsFromPEM(data) {
			f.add(media.Redact(src.CACert), errors.New("there is no certificate in PEM form in it"))
			ok = false
		}
		if !ok {
			return f
		}
		if f := s.alsoTrust(data); f != nil {
			return f
		}
	}
	return s.clientCredentials(ctx, f)
}

func (s *session) clientCredentials(ctx context.Context, f *Failure) *Failure {
	if err := os.Remove(s.dirs.client); err != nil && !errors.Is(err, os.ErrNotExist) {
		f.add(s.dirs.client, err)
		return f
	}
	src := s.asked.Source
	if s.askedRepo() == "" || src.ClientCert == "" {
		return nil
	}
	all, ok := s.pem(ctx, src.ClientCert, f)
	if ok && src.ClientKey != "" && src.ClientKey != src.ClientCert {
		var key []byte
		key, ok = s.pem(ctx, src.ClientKey, f)
		all = slices.Concat(all, []byte("\n"), key)
	}
	if !ok {
		return f
	}
	if _, err := tls.X509KeyPair(all, all); err != nil {
		f.add(media.Redact(src.ClientCert), fmt.Errorf("that and --sslclientkey are no certificate with its key: %w", err))
		return f
	}
	if err := writePrivate(s.dirs.client, all); err != nil {
		f.add(s.dirs.client, err)
		return f
	}
	return nil
}

// pem reads what --sslcacert and the like name: the file of a %certificate section by
// the path that it will have, a URL, or a file of the initramfs.
func (s *session) pem(ctx context.Context, name string, f *Failure) ([]byte, bool) {
	file := strings.TrimPrefix(name, "file://")
	for _, c := range s.asked.Certificates {
		if file == path.Join("/", c.Dir, c.Filename) || c.Dir == "" && path.Base(file) == c.Filename {
			return bytes.Clone(c.Body), true
		}
	}
	if strings.HasPrefix(name, "/") {
		name = "file:" + name
	}
	data, _, ok := s.readNamed(ctx, name, "ca.pem", f)
	return data, ok
}

// transfer is how the kickstart's place of packages is read; nil: as everything else.
func (s *session) transfer() *handoff.Transfer {
	src := s.asked.Source
	if s.askedRepo() == "" {
		return nil
	}
	var t handoff.Transfer
	if s.opts.Proxy == "" {
		t.Proxy = src.Proxy
	}
	t.NoVerify = src.NoVerify && !s.opts.NoVerifySSL
	if _, err := os.Stat(s.dirs.client); err == nil {
		t.Client = s.dirs.client
	}
	if t == (handoff.Transfer{}) {
		return nil
	}
	return &t
}

// optionsFor are those that a source is read with.
func (s *session) optionsFor(src media.Source) fetch.Options {
	o := s.fetchOptions()
	if image, ok := s.askedImage(); ok && src.URL == image.URL {
		o.Proxy, o.NoVerify = cmp.Or(o.Proxy, s.asked.Source.Proxy), o.NoVerify || s.asked.Source.NoVerify
		return o
	}
	t := s.transfer()
	asked, err := media.ParseSource(s.askedRepo())
	if t == nil || err != nil || treeOf(src) != treeOf(asked) {
		return o
	}
	if t.Proxy != "" {
		o.Proxy = t.Proxy
	}
	o.NoVerify = o.NoVerify || t.NoVerify
	if t.Client != "" {
		if pair, err := tls.LoadX509KeyPair(t.Client, t.Client); err == nil {
			o.Client = &pair
		} else {
			s.note("%s: %v", t.Client, err)
		}
	}
	return o
}

// treeOf is the directory of a source, which may name the first disc's image in it.
func treeOf(src media.Source) string {
	return strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(src.URL, "/"), "/"+firstImage), "/")
}

// searchAsked is search when the kickstart says where the packages are. The image is
// where inst.stage2= says; without it that of a disc which the machine has is as good
// and spares the network; else it is where the packages are.
func (s *session) searchAsked(ctx context.Context, repo string) *Failure {
	n := need{packages: true}
	if len(s.opts.Stage2) > 0 {
		if f := s.take(ctx, s.opts.Stage2, need{image: true}); f != nil {
			return f
		}
	} else if f := s.take(ctx, nil, need{image: true}); f != nil {
		s.note("no disc for the image of stage 2: %v", f)
		n.image = true
	}
	f := s.take(ctx, []string{repo}, n)
	if f == nil && s.current.medium.URL == "" {
		f = &Failure{What: "There are no packages at " + media.Redact(repo) + "; that is the image of stage 2 alone."}
	}
	if f != nil {
		f.Hint = "The kickstart says that the packages are there. Edit it, or say with inst.repo= where they are, and try again."
	}
	return f
}
