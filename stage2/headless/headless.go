// Package headless shows an installation without a screen: as text for
// people at consoles and readers of logs, and as JSON Lines for programs.
//
// Both are event sinks over an io.Writer. Two kinds of writers are here too: a
// Queue never makes the installation wait for a slow line, and a Late file holds back
// until the directory it belongs into is there. The package decides nothing and asks
// nothing.
package headless

import (
	"encoding/json"
	"io"

	"github.com/molt-installer/molt/stage2/event"
)

// Lines writes each event to w as one line of JSON, see docs/events.md.
func Lines(w io.Writer) event.Sink {
	return event.Func(func(e event.Event) {
		data, err := json.Marshal(e)
		if err != nil { // an Event has nothing that can't be written
			return
		}
		w.Write(append(data, '\n'))
	})
}
