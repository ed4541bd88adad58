package disc

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/molt-installer/molt/initramfs"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/verity"
)

// stage2Image adds the installer's programs to the stage 2 root: they change
// often, the root doesn't, and squashfs can be appended to. They are in /molt,
// where links in the root lead to.
func (b *builder) stage2Image(ctx context.Context, root string) (string, error) {
	programs, err := b.programs(ctx)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(programs)
	sum, err := hashTree(programs)
	if err != nil {
		return "", err
	}
	dir, err := b.cache.get(ctx, "stage2-image", digest("2", root, sum, b.epoch()), func(ctx context.Context, dir string) error {
		image := filepath.Join(dir, "stage2.img")
		if err := copyFile(filepath.Join(root, "root.img"), image); err != nil {
			return err
		}
		date := fmt.Sprint(b.date.Unix())
		_, err := command(ctx, nil, "mksquashfs", programs, image,
			"-mkfs-time", date, "-all-time", date, "-no-progress", "-no-xattrs", "-no-recovery")
		if err != nil {
			return err
		}
		return protect(image, filepath.Join(dir, verityParams))
	})
	return filepath.Join(dir, "stage2.img"), err
}

// verityParams is beside an image: what is to be known of its hash tree.
const verityParams = "verity.json"

// protect appends its hash tree to an image, and writes the tree's parameters to a file.
func protect(image, params string) error {
	f, err := os.OpenFile(image, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("make the hash tree: %w", err)
	}
	defer f.Close()
	tree, p, err := verity.Build(bufio.NewReaderSize(f, 1<<20)) // mksquashfs pads to 4 KiB
	if err != nil {
		return fmt.Errorf("make the hash tree of %s: %w", image, err)
	}
	if _, err := f.Write(tree); err != nil {
		return fmt.Errorf("append the hash tree: %w", err)
	}
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := writeFile(params, data); err != nil {
		return err
	}
	return f.Close()
}

// readVerity reads what protect wrote beside an image.
func readVerity(image string) (*verity.Params, error) {
	data, err := os.ReadFile(filepath.Join(filepath.Dir(image), verityParams))
	if err != nil {
		return nil, fmt.Errorf("read the parameters of the hash tree: %w", err)
	}
	var p verity.Params
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("parse the parameters of the hash tree: %w", err)
	}
	return &p, nil
}

// programs builds the installer's programs into a new directory.
func (b *builder) programs(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp("", "molt-programs-")
	if err != nil {
		return "", fmt.Errorf("make a place for stage 2's programs: %w", err)
	}
	for name, pkg := range map[string]string{
		"molt/lib/stage2":   b.distro.Stage2.Program,
		"molt/sbin/loopctl": "github.com/molt-installer/molt/cmd/loopctl",
	} {
		out := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
			return dir, fmt.Errorf("make a place for %s: %w", name, err)
		}
		if err := b.goBuild(ctx, pkg, out); err != nil {
			return dir, err
		}
	}
	return dir, nil
}

// goBuild makes a static program that is the same wherever it is built.
func (b *builder) goBuild(ctx context.Context, pkg, out string) error {
	env := []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + b.distro.Arch}
	_, err := commandIn(ctx, b.distro.Dir, env, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", out, pkg)
	if err != nil {
		return fmt.Errorf("build %s: %w", pkg, err)
	}
	return nil
}

// initramfs writes the archive that the kernel of disc 1 boots into.
func (b *builder) initramfs(ctx context.Context, p parts, out string, build media.Build) error {
	version, err := kernelVersion(p.kernel)
	if err != nil {
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return fmt.Errorf("write the initramfs: %w", err)
	}
	defer f.Close()
	files, err := b.authorities()
	if err != nil {
		return err
	}
	modules := initramfs.DefaultModules()
	report, err := initramfs.Build(ctx, f, initramfs.Config{
		Dir:      b.distro.Dir,
		Modules:  filepath.Join(p.kernel, "usr/lib/modules", version),
		Select:   append(modules, b.distro.Boot.Modules...),
		Firmware: trees(p.firmware),
		Build:    build,
		Files:    files,
		Cache:    filepath.Join(b.cache.dir, "initramfs"),
	})
	if err != nil {
		return err
	}
	for _, name := range idle(p.firmware, report) {
		b.log("boot.firmware: no module of the initramfs asks for anything in %s", name)
	}
	b.log("initramfs: %.1f MB, unpacked %.1f MB, %d modules, %.1f MB of firmware", mega(report.Archive), mega(report.Unpacked), report.Count, mega(report.Firmware))
	return f.Close()
}

// authorities are the certificates that distro.toml names.
func (b *builder) authorities() ([]initramfs.File, error) {
	if b.distro.Boot.CA == "" {
		return nil, nil
	}
	name := filepath.Join(b.distro.Dir, b.distro.Boot.CA)
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the certificates of boot.ca: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("boot.ca: there is no certificate in PEM form in %s", name)
	}
	return []initramfs.File{{Name: "etc/molt/ca.pem", Data: data}}, nil
}

func mega(n int64) float64 { return float64(n) / 1e6 }
