package stage2

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/molt-installer/molt/internal/logpack"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan"
)

// LogKeeper is how a person takes the logs along: as one file without passwords.
type LogKeeper interface {
	// Places are the removable file systems that are there now, without those that are
	// installed to, and the events port.
	Places(ctx context.Context) ([]LogPlace, error)
	// Save puts the logs at a place, or by PUT or POST to an http or https URL, and says
	// where they are.
	Save(ctx context.Context, where string) (string, error)
}

// LogPlace is a place for the logs.
type LogPlace struct {
	Key   string // for LogKeeper.Save: "/dev/sdb1"
	Label string // for a person
}

// portPlace is the Key of the events port.
const portPlace = "port"

// answerTime is how long a server may take to say something.
const answerTime = 30 * time.Second

// sendTime is how long it may take to send the logs. At the plain prompts nothing stops it sooner.
const sendTime = 5 * time.Minute

// pieceSize is how much of the logs one event carries: its line is no longer than
// what readers of lines take.
const pieceSize = 24 << 10

// keeper implements LogKeeper for a session.
type keeper struct{ s *session }

// Places implements LogKeeper.
func (k keeper) Places(ctx context.Context) ([]LogPlace, error) {
	m, err := k.s.Probe(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for disks to save the logs on: %w", err)
	}
	var places []LogPlace
	for _, d := range m.Disks {
		if !forLogs(d, k.s.chosen.Load()) {
			continue
		}
		for _, v := range volumesOf(d) {
			label := fmt.Sprintf("%s: %s, %s", v.Path, v.Describe(), machine.Size(v.Size))
			places = append(places, LogPlace{v.Path, strings.TrimSuffix(label+", "+d.Model, ", ")})
		}
	}
	if k.s.out.port != nil {
		places = append(places, LogPlace{portPlace, "The host of this machine, by the events port"})
	}
	return places, nil
}

// forLogs reports whether logs can be written to d: a stick, and no disk that the plan
// says anything about.
func forLogs(d machine.Disk, p *plan.Plan) bool {
	portable := d.Removable || d.Transport == "usb"
	planned := p != nil && slices.ContainsFunc(p.Disks, func(t plan.Disk) bool { return t.Path == d.Path })
	return portable && !planned && d.InUse == "" && !d.ReadOnly
}

// volumesOf are the file systems on d that can be written to; the whole disk's as a Part.
func volumesOf(d machine.Disk) []machine.Part {
	all := append([]machine.Part{{Path: d.Path, Size: d.Size, FSType: d.FSType, Label: d.Label}}, d.Parts...)
	return slices.DeleteFunc(all, func(p machine.Part) bool { return driver(p.FSType) == "" })
}

// driver is the kernel's name of the driver for a file system that blkid names; empty: it isn't
// written to.
func driver(fstype string) string {
	switch fstype {
	case "vfat", "exfat", "ext2", "ext3", "ext4", "xfs", "btrfs":
		return fstype
	case "ntfs":
		return "ntfs3"
	}
	return ""
}

// Save implements LogKeeper.
func (k keeper) Save(ctx context.Context, where string) (string, error) {
	now := time.Now()
	data, err := logpack.Pack(now, k.files(ctx))
	if err != nil {
		return "", err
	}
	name := logpack.Name(now)
	switch {
	case where == portPlace:
		return name, k.toPort(name, data)
	case strings.Contains(where, "://"):
		return k.toServer(ctx, where, name, data)
	}
	return k.toDisk(ctx, where, name, data)
}

// files are the logs of both stages, what was asked for and what the machine is.
func (k keeper) files(ctx context.Context) []logpack.File {
	files := append(logpack.Read("", filepath.Join(filepath.Dir(k.s.Paths.Record), "*.log*")), logpack.Kernel())
	for _, name := range []string{"molt.log", "events.jsonl"} {
		files = append(files, logpack.Read("target", filepath.Join(k.s.Paths.Log, name))...)
	}
	if p := k.s.chosen.Load(); p != nil {
		files = append(files, logpack.File{Name: "plan.txt", Data: []byte(p.Text())})
	}
	if len(k.s.redo) > 0 {
		files = append(files, logpack.File{Name: "ks.cfg", Data: k.s.redo})
	}
	if m, err := k.s.Probe(ctx); err == nil {
		if data, err := json.MarshalIndent(m, "", "  "); err == nil {
			files = append(files, logpack.File{Name: "machine.json", Data: data})
		}
	}
	return files
}

// toDisk writes to a file system that Places still names.
func (k keeper) toDisk(ctx context.Context, device, name string, data []byte) (string, error) {
	places, err := k.Places(ctx)
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(places, func(p LogPlace) bool { return p.Key == device }) {
		return "", fmt.Errorf("save the logs on %s: it is not there any more, or not for that; choose again", device)
	}
	m, err := k.s.Probe(ctx)
	if err != nil {
		return "", fmt.Errorf("look at %s: %w", device, err)
	}
	fstype := ""
	for _, d := range m.Disks {
		for _, v := range volumesOf(d) {
			if v.Path == device {
				fstype = driver(v.FSType)
			}
		}
	}
	select {
	case k.s.saving <- struct{}{}: // all are mounted at the same place
		defer func() { <-k.s.saving }()
	case <-ctx.Done():
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := writeTo(k.s.Host, device, fstype, filepath.Join(filepath.Dir(k.s.Paths.Record), "stick"), name, data); err != nil {
		return "", fmt.Errorf("save the logs on %s: %w", device, err)
	}
	return fmt.Sprintf("%s on %s, which can be taken out now", name, device), nil
}

func writeTo(h host.Host, device, fstype, dir, name string, data []byte) error {
	if err := h.Mount(host.Mount{Source: device, Target: dir, FSType: fstype}); err != nil {
		return err
	}
	err := h.WriteFile(filepath.Join(dir, name), data, 0o644)
	return errors.Join(err, h.Unmount(dir))
}

// toPort sends the logs as events to the host, and to nobody else.
func (k keeper) toPort(name string, data []byte) error {
	if k.s.out.port == nil {
		return errors.New("this machine has no events port: a virtio-serial port of the name org.molt.events")
	}
	for from := 0; from < len(data); from += pieceSize {
		piece := event.Piece{Name: name, Size: int64(len(data)), Offset: int64(from), Data: data[from:min(from+pieceSize, len(data))]}
		k.s.out.toPort(event.Event{Time: time.Now(), Type: event.Logs, Piece: &piece})
	}
	return nil
}

// toServer puts the logs to a URL; where PUT is not taken it posts them.
func (k keeper) toServer(ctx context.Context, where, name string, data []byte) (string, error) {
	u, err := url.Parse(where)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", errors.New("the URL must be http://HOST/PATH or https://HOST/PATH")
	}
	if strings.HasSuffix(u.Path, "/") || u.Path == "" {
		u.Path = strings.TrimSuffix(u.Path, "/") + "/" + name
	}
	client, err := uploader(k.s.setup.Fetch)
	if err != nil {
		return "", err
	}
	defer client.CloseIdleConnections()
	return upload(ctx, client, u, data)
}

// upload is done in sendTime, or fails.
func upload(ctx context.Context, client *http.Client, u *url.URL, data []byte) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	for _, method := range []string{http.MethodPut, http.MethodPost} {
		status, err := send(ctx, client, method, u.String(), data)
		switch {
		case err != nil:
			return "", fmt.Errorf("save the logs at %s: %w", u.Redacted(), err)
		case status.StatusCode < 300:
			return u.Redacted(), nil
		case method == http.MethodPut && (status.StatusCode == http.StatusMethodNotAllowed || status.StatusCode == http.StatusNotImplemented):
		default:
			return "", fmt.Errorf("save the logs at %s: %s says %s", u.Redacted(), u.Host, status.Status)
		}
	}
	return "", nil
}

func send(ctx context.Context, client *http.Client, method, url string, data []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/gzip")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return resp, nil
}

// uploader asks servers as those of packages are asked.
func uploader(o fetch.Options) (*http.Client, error) {
	proxy, err := fetch.ProxyURL(o.Proxy)
	if err != nil {
		return nil, err
	}
	secure := &tls.Config{RootCAs: o.CA, InsecureSkipVerify: o.NoVerify}
	tr := &http.Transport{TLSClientConfig: secure, TLSHandshakeTimeout: answerTime, ResponseHeaderTimeout: answerTime}
	if proxy != nil {
		tr.Proxy = http.ProxyURL(proxy)
	}
	return &http.Client{Transport: tr}, nil
}
