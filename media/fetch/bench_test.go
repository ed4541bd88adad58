package fetch_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/media/mediatest"
)

// BenchmarkStream reads a file from nginx and vsftpd on loopback, by turns with curl: the ratio is
// curl's time by ours.
func BenchmarkStream(b *testing.B) {
	if _, err := exec.LookPath("curl"); err != nil {
		b.Skip("curl is not installed")
	}
	const size = 256 << 20
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), mediatest.Bytes(1, size), 0o644); err != nil {
		b.Fatal(err)
	}
	web, _ := nginx(b, dir)
	files, _ := vsftpd(b, dir)
	for name, url := range map[string]string{"http": web, "ftp": files} {
		b.Run(name, func(b *testing.B) {
			tree := open(b, url, fetch.Options{})
			b.SetBytes(size)
			var ours, curls time.Duration
			for b.Loop() {
				start := time.Now()
				download(b, tree)
				middle := time.Now()
				if out, err := exec.Command("curl", "-sS", "-o", "/dev/null", url+"/x").CombinedOutput(); err != nil {
					b.Fatalf("curl: %v\n%s", err, out)
				}
				ours, curls = ours+middle.Sub(start), curls+time.Since(middle)
			}
			b.ReportMetric(float64(size)*float64(b.N)/(1<<20)/ours.Seconds(), "MiB/s-ours")
			b.ReportMetric(curls.Seconds()/ours.Seconds(), "of-curl")
		})
	}
}

func download(b *testing.B, tree fetch.Tree) {
	f, err := tree.Open(b.Context(), "x")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	s, err := f.Stream(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	buf := make([]byte, 128<<10)
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, s, buf); err != nil {
		b.Fatal(err)
	}
}
