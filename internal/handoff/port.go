package handoff

import (
	"os"
	"path/filepath"
	"strings"
)

// EventsPort is the name of the virtio-serial port that gets the events of
// docs/events.md, from both stages.
const EventsPort = "org.molt.events"

// FindPort is the device in dev (/dev) of the virtio-serial port that the machine
// gave a name; sys is /sys. It is empty where there is none. The names are the
// kernel's, drivers/char/virtio_console.c.
func FindPort(sys, dev, name string) string {
	files, err := filepath.Glob(filepath.Join(sys, "class/virtio-ports/*/name"))
	if err != nil || name == "" {
		return ""
	}
	for _, f := range files {
		if data, err := os.ReadFile(f); err == nil && strings.TrimSpace(string(data)) == name {
			return filepath.Join(dev, filepath.Base(filepath.Dir(f)))
		}
	}
	return ""
}
