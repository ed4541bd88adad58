package stage1

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/handoff"
)

// portPatience is how long the other side of the port may take to read a line.
const portPatience = 2 * time.Second

// announce tells a failure everywhere: on all consoles, in the log, and on the
// events port when there is one.
func (s *session) announce(failure error) {
	fmt.Fprintln(s.con)
	s.say("%s", failure)
	if port := handoff.FindPort("/sys", "/dev", handoff.EventsPort); port != "" {
		if err := writeEvent(port, failure, time.Now()); err != nil {
			s.note("tell the events port: %v", err)
		}
	}
}

// writeEvent writes one line. A port nobody listens at must not stop anything.
func writeEvent(port string, failure error, now time.Time) error {
	line, err := json.Marshal(struct {
		Time  time.Time `json:"t"`
		Type  string    `json:"type"`
		Error string    `json:"error"`
	}{now.UTC(), "failed", failure.Error()})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(port, os.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	// Go waits until a port that isn't ready is; one that can't be waited for needs no deadline.
	_ = f.SetWriteDeadline(time.Now().Add(portPatience))
	_, err = f.Write(append(line, '\n'))
	return err
}
