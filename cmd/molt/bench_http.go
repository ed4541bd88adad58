package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/molt-installer/molt/internal/linuxhost"
	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/scenario"
	"github.com/molt-installer/molt/loopctl/blockfs"
	"github.com/molt-installer/molt/loopctl/failover"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/media/verity"
	"github.com/molt-installer/molt/stage1/stream"
	"github.com/molt-installer/molt/stage2/event"
)

// overHTTP measures installing from a web server: the least memory, what the
// first screen costs, and the copy of a streamed image.
func (b *bench) overHTTP(ctx context.Context) error {
	web, err := b.serveSet()
	if err != nil {
		return err
	}
	defer web.Close()
	return errors.Join(b.httpCopy(ctx, web), b.httpScreen(ctx, web), b.httpMemory(ctx, web))
}

// webServer serves a set's netboot tree on the loopback and counts what of the image
// of stage 2 was read.
type webServer struct {
	*http.Server
	dir   string
	port  int
	first atomic.Int64 // when the image was first asked for, Unix nanoseconds
	image atomic.Int64 // bytes of it that were sent
}

func (b *bench) serveSet() (*webServer, error) {
	w := &webServer{dir: filepath.Join(b.out, b.example, "netboot")}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve %s: %w", w.dir, err)
	}
	w.port = l.Addr().(*net.TCPAddr).Port
	w.Server = &http.Server{Handler: w.handler(), ReadHeaderTimeout: time.Minute}
	go w.Serve(l)
	return w, nil
}

func (w *webServer) handler() http.Handler {
	files := http.FileServer(http.Dir(w.dir))
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/"+media.ImagePath {
			w.first.CompareAndSwap(0, time.Now().UnixNano())
			rw = counting{rw, &w.image}
		}
		files.ServeHTTP(rw, r)
	})
}

// counting counts the body of an answer.
type counting struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c counting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n.Add(int64(n))
	return n, err
}

func (w *webServer) url(host string) string { return fmt.Sprintf("http://%s:%d/", host, w.port) }

// httpCopy copies the image out of a stream, checked, hashed and synced, beside
// curl into a file and sync. Each gets the better of three.
func (b *bench) httpCopy(ctx context.Context, web *webServer) error {
	ours, theirs := time.Hour, time.Hour
	dst := filepath.Join(b.dir, "streamed.img")
	url := web.url("127.0.0.1") + media.ImagePath
	for range 3 {
		took, err := b.streamedCopy(ctx, web, dst)
		if err != nil {
			return err
		}
		ours = min(ours, took)
		os.Remove(dst)
		start := time.Now()
		if err := exec.CommandContext(ctx, "sh", "-c", `curl -sfo "$2" "$1" && sync "$2"`, "sh", url, dst).Run(); err != nil {
			return fmt.Errorf("curl: %w", err)
		}
		theirs = min(theirs, time.Since(start))
		os.Remove(dst)
	}
	b.add(ratio("copy of a streamed image, checked, hashed and synced", ours.Seconds()*1000, "ms", theirs.Seconds()*1000, "curl and sync"))
	return nil
}

func (b *bench) streamedCopy(ctx context.Context, web *webServer, dst string) (time.Duration, error) {
	params, err := imageParams(web.dir)
	if err != nil {
		return 0, err
	}
	src, err := media.ParseSource(web.url("127.0.0.1"))
	if err != nil {
		return 0, err
	}
	tree, err := fetch.Open(ctx, src, fetch.Options{})
	if err != nil {
		return 0, err
	}
	defer tree.Close()
	file, err := tree.Open(ctx, media.ImagePath)
	if err != nil {
		return 0, err
	}
	image, err := stream.Open(ctx, []failover.Source{file}, params, stream.Options{})
	if err != nil {
		return 0, err
	}
	defer image.Close()
	dir, err := os.MkdirTemp(b.dir, "served-")
	if err != nil {
		return 0, err
	}
	server, err := blockfs.Mount(ctx, dir, blockfs.Config{Reader: image})
	if err != nil {
		return 0, err
	}
	start := time.Now()
	_, err = (linuxhost.New()).Copy(ctx, server.Path(), dst, func(int64) {})
	took := time.Since(start)
	return took, errors.Join(err, server.Close())
}

// imageParams finds the hash tree's parameters in the image alone: the tree
// stands behind the squashfs, whose size is in its superblock, padded to a block.
func imageParams(dir string) (verity.Params, error) {
	f, err := os.Open(filepath.Join(dir, media.ImagePath))
	if err != nil {
		return verity.Params{}, err
	}
	defer f.Close()
	super := make([]byte, 48)
	if _, err := io.ReadFull(f, super); err != nil {
		return verity.Params{}, err
	}
	used := int64(0)
	for i := range 8 { // bytes_used of fs/squashfs/squashfs_fs.h
		used |= int64(super[40+i]) << (8 * i)
	}
	blocks := (used + verity.BlockSize - 1) / verity.BlockSize
	_, p, err := verity.Build(io.NewSectionReader(f, 0, blocks*verity.BlockSize))
	return p, err
}

// httpScreen measures what the first screen of stage 2 takes from the first byte of
// its image on, and how much of the image that is.
func (b *bench) httpScreen(ctx context.Context, web *webServer) error {
	set, err := scenario.OpenSet(filepath.Join(b.out, b.example))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, benchTimeout)
	defer cancel()
	web.first.Store(0)
	web.image.Store(0)
	r, err := scenario.Start(ctx, scenario.Config{
		Set: set, NoDisc: true, Append: serialOptions + " inst.stage2=" + web.url(vm.HostAddress),
		Disk: filepath.Join(b.dir, "disk.img"), DiskSize: 8 << 30,
		Guest: vm.Config{Dir: filepath.Join(b.dir, "http"), Network: true},
	})
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := r.Guest.WaitEvent(ctx, func(e map[string]any) bool { return e["type"] == string(event.Ask) }); err != nil {
		return err
	}
	took := time.Since(time.Unix(0, web.first.Load())).Seconds()
	read := web.image.Load()
	info, err := os.Stat(filepath.Join(web.dir, media.ImagePath))
	if err != nil {
		return err
	}
	beside, err := curlBytes(ctx, web.url("127.0.0.1")+media.ImagePath, min(read, info.Size()))
	if err != nil {
		return err
	}
	b.add(figure{Name: "power-on to the first screen, HTTP", Value: time.Since(r.On).Seconds(), Unit: "s"})
	b.add(ratio("first byte of the image to the first screen, HTTP", took, "s", beside, "curl of as many bytes, on the host"))
	b.add(ratio("image read by then", float64(read)/1e6, "MB", float64(info.Size())/1e6, "all of it"))
	return nil
}

// curlBytes is the seconds curl takes for the first n bytes.
func curlBytes(ctx context.Context, url string, n int64) (float64, error) {
	start := time.Now()
	if err := exec.CommandContext(ctx, "curl", "-sf", "-r", fmt.Sprintf("0-%d", max(n-1, 0)), "-o", "/dev/null", url).Run(); err != nil {
		return 0, fmt.Errorf("curl: %w", err)
	}
	return time.Since(start).Seconds(), nil
}

// httpMemory looks for the smallest memory, in steps of 32 MiB, with which the
// set installs from a web server.
func (b *bench) httpMemory(ctx context.Context, web *webServer) error {
	ks, err := os.ReadFile(filepath.Join("examples", "kickstarts", b.example+".ks"))
	if err != nil {
		return err
	}
	best := 0
	for mib := 320; mib >= 96; mib -= 32 {
		if err := b.installsOverHTTP(ctx, web, string(ks), mib); err != nil {
			fmt.Fprintf(b.log, "  %d MiB: %v\n", mib, firstLine(err))
			break
		}
		best = mib
	}
	if best == 0 {
		return errors.New("does not install over HTTP with 320 MiB")
	}
	b.add(figure{Name: "smallest memory that installs over HTTP", Value: float64(best), Unit: "MiB"})
	return nil
}

func (b *bench) installsOverHTTP(ctx context.Context, web *webServer, ks string, mib int) error {
	set, err := scenario.OpenSet(filepath.Join(b.out, b.example))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 9*benchTimeout)
	defer cancel()
	r, err := scenario.Start(ctx, scenario.Config{
		Set: set, NoDisc: true, Append: serialOptions + " inst.onfail=poweroff inst.stage2=" + web.url(vm.HostAddress),
		Disk: filepath.Join(b.dir, "disk.img"), DiskSize: 8 << 30, Kickstart: ks,
		Guest: vm.Config{Dir: filepath.Join(b.dir, "http"), Network: true, Memory: mib},
	})
	if err != nil {
		return err
	}
	defer r.Close()
	if err := r.Follow(ctx); err != nil {
		return err
	}
	return r.Off(ctx)
}
