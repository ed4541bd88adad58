package loopctl

import (
	"os"

	"golang.org/x/sys/unix"
)

// cachedReader reads a device by way of the page cache, where a signal ends the process
// even while a request hangs. One in a read with O_DIRECT can't exit before that is answered.
type cachedReader struct{ *os.File }

func (d *Device) cachedReader() (cachedReader, error) {
	dev, err := os.Open(d.path)
	if err == nil { // read what is asked for at once, and no more
		_ = unix.Fadvise(int(dev.Fd()), 0, 0, unix.FADV_RANDOM)
	}
	return cachedReader{dev}, err
}

// ReadAt reads what the device serves now, and leaves no pages behind. What a mounted
// file system has in use there is what is served.
func (r cachedReader) ReadAt(p []byte, off int64) (int, error) {
	r.drop(p, off)
	defer r.drop(p, off)
	return r.File.ReadAt(p, off)
}

func (r cachedReader) drop(p []byte, off int64) {
	_ = unix.Fadvise(int(r.Fd()), off, int64(len(p)), unix.FADV_DONTNEED)
}
