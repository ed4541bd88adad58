package disc

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/molt-installer/molt/media"
)

// Options say how to build. Only Out and Cache must be given.
type Options struct {
	Out    string    // the set's directory: gets disc1.iso, …, netboot/
	Cache  string    // what later builds can use
	Mirror string    // URI of a Debian archive, also for the installed systems; default: the first one among the host's apt sources, for building only
	Update bool      // fetch package lists anew
	Log    io.Writer // progress, a line a step; default: none
}

// Result says what was built.
type Result struct {
	Set   media.Set
	Discs []Image
}

// Image is one disc's image.
type Image struct {
	Path     string
	Label    string
	Size     int64 // bytes
	Packages int
}

// builder is one build.
type builder struct {
	distro  *Distro
	options Options
	cache   cache
	mirror  string
	date    time.Time // in everything that carries a date
	key     *buildKey
	start   time.Time
}

// Build makes the set of discs of d. It must run as root, to make files that
// belong to root; see [Requirements] for the programs it runs.
func Build(ctx context.Context, d *Distro, o Options) (*Result, error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("build %s: the images hold files that belong to root: run it as root, or with sudo", d.Name)
	}
	b, err := newBuilder(d, o)
	if err != nil {
		return nil, err
	}
	unlock, err := b.cache.lock("set-" + d.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	a, err := b.prepare(ctx)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", d.Name, err)
	}
	result, err := b.build(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", d.Name, err)
	}
	return result, nil
}

func newBuilder(d *Distro, o Options) (*builder, error) {
	var err error
	for _, dir := range []*string{&o.Out, &o.Cache} {
		if *dir, err = filepath.Abs(*dir); err != nil {
			return nil, fmt.Errorf("find the directory %s: %w", *dir, err)
		}
	}
	b := &builder{distro: d, options: o, mirror: strings.TrimRight(o.Mirror, "/"), start: time.Now()}
	b.cache = cache{dir: o.Cache, log: b.log}
	if b.mirror == "" {
		if b.mirror, err = findMirror("/etc/apt"); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *builder) log(format string, args ...any) {
	if b.options.Log != nil {
		fmt.Fprintf(b.options.Log, "%6.1f s  %s: %s\n", time.Since(b.start).Seconds(), b.distro.Name, fmt.Sprintf(format, args...))
	}
}

// epoch is the build's date as programs take it from their environment.
func (b *builder) epoch() string { return fmt.Sprintf("SOURCE_DATE_EPOCH=%d", b.date.Unix()) }

// prepare readies apt, the date, the key and the example's own packages.
func (b *builder) prepare(ctx context.Context) (*apt, error) {
	a, err := b.newApt(ctx, "")
	if err != nil {
		return nil, err
	}
	if b.date, err = findDate(a); err != nil {
		return nil, err
	}
	if b.key, err = loadKey(filepath.Join(b.cache.dir, "key"), b.date); err != nil {
		return nil, err
	}
	local, err := b.localPackages(ctx, a)
	if err != nil || local == "" {
		return a, err
	}
	return b.newApt(ctx, local)
}

func (b *builder) newApt(ctx context.Context, local string) (*apt, error) {
	a, err := newApt(ctx, b.cache, b.mirror, local, b.distro)
	if err != nil {
		return nil, err
	}
	return a, a.update(ctx, b.options.Update && local == "")
}

// findDate is SOURCE_DATE_EPOCH or the newest date of the archive's Release files.
func findDate(a *apt) (time.Time, error) {
	if value := os.Getenv("SOURCE_DATE_EPOCH"); value != "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds < keyTime {
			return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH=%s: it is in seconds since 1970, and not before %d", value, keyTime)
		}
		return time.Unix(seconds, 0).UTC(), nil
	}
	paths, err := a.releases()
	if err != nil {
		return time.Time{}, err
	}
	var newest time.Time
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return newest, fmt.Errorf("date the set: %w", err)
		}
		_, release, _ := strings.Cut(string(text), "\n\n") // the signed message begins after its armor header
		date, err := time.Parse(time.RFC1123, stanza(release).get("Date"))
		if err != nil {
			return newest, fmt.Errorf("read the date of %s: %w", path, err)
		}
		if date.After(newest) {
			newest = date
		}
	}
	return newest.UTC(), nil
}

// build makes everything, from the packages up.
func (b *builder) build(ctx context.Context, a *apt) (*Result, error) {
	placed, err := place(ctx, a)
	if err != nil {
		return nil, err
	}
	placed.catalog.Mirror = strings.TrimRight(b.options.Mirror, "/") // what was only found is this machine's own affair
	if err := a.download(ctx, placed.all()); err != nil {
		return nil, err
	}
	parts, err := b.parts(ctx, a, placed)
	if err != nil {
		return nil, err
	}
	return b.writeSet(ctx, a, placed, parts)
}

// parts are the big files of disc 1.
type parts struct {
	kernel   string     // directory of the unpacked kernel package
	firmware []firmware // for the modules of disc 1's initramfs
	stage2   string     // image
	initrd   string     // initramfs of the installed system, or empty
}

func (b *builder) parts(ctx context.Context, a *apt, placed *placement) (parts, error) {
	var p parts
	var err error
	if p.kernel, err = b.kernel(ctx, a); err != nil {
		return p, err
	}
	if p.firmware, err = b.bootFirmware(ctx, a); err != nil {
		return p, err
	}
	root, err := b.stage2Root(ctx, a)
	if err != nil {
		return p, err
	}
	if p.stage2, err = b.stage2Image(ctx, root); err != nil {
		return p, err
	}
	if b.distro.Base.Initrd {
		p.initrd, err = b.targetInitrd(ctx, a, placed)
	}
	return p, err
}
