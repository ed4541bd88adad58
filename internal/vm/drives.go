package vm

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"time"
)

// TrayMove is a tray that opened or closed.
type TrayMove struct {
	Time  time.Time
	Drive string
	Open  bool
}

type driveState struct {
	open  bool
	moves []TrayMove
}

// onEvent is called for every event of QMP, in order.
func (g *Guest) onEvent(e qmpEvent) {
	switch e.Name {
	case "DEVICE_TRAY_MOVED":
		g.trayMoved(e.Data)
	case "RESET":
		g.board.change(func() { g.resets++ })
	case "SHUTDOWN":
		var why struct{ Reason string }
		if json.Unmarshal(e.Data, &why) == nil {
			g.board.change(func() { g.reason = why.Reason })
		}
	}
}

func (g *Guest) trayMoved(data []byte) {
	var moved struct {
		ID   string `json:"id"` // the id, or the path of the device in QEMU's object tree
		Open bool   `json:"tray-open"`
	}
	if json.Unmarshal(data, &moved) != nil {
		return
	}
	id := path.Base(moved.ID)
	g.board.change(func() {
		if s, err := g.drive(id); err == nil {
			s.open = moved.Open
			s.moves = append(s.moves, TrayMove{time.Now(), id, moved.Open})
		}
	})
}

// drive is the state of a drive, guarded by board.
func (g *Guest) drive(id string) (*driveState, error) {
	for i := range g.drives {
		if DriveID(i) == id {
			return &g.drives[i], nil
		}
	}
	return nil, fmt.Errorf("%s has no optical drive %q, only cd0 to %s", g.cfg.Name, id, DriveID(len(g.drives)-1))
}

// TrayMoves are all moves of a drive's tray, by whoever they were.
func (g *Guest) TrayMoves(drive string) (moves []TrayMove) {
	g.board.look(func() {
		if s, err := g.drive(drive); err == nil {
			moves = append(moves, s.moves...)
		}
	})
	return moves
}

// WaitTray waits until the tray of a drive is open, or closed. It returns at
// once if it is.
func (g *Guest) WaitTray(ctx context.Context, drive string, open bool) error {
	state := map[bool]string{true: "open", false: "closed"}[open]
	var s *driveState
	var err error
	g.board.look(func() { s, err = g.drive(drive) })
	if err != nil {
		return err
	}
	if err := g.board.await(ctx, func() bool { return s.open == open }, g.lost); err != nil {
		return g.explain(fmt.Sprintf("wait for the tray of %s to be %s", drive, state), err)
	}
	return nil
}

// WaitAnyTray waits until the tray of one of the drives is open and says which.
func (g *Guest) WaitAnyTray(ctx context.Context) (drive string, err error) {
	err = g.Await(ctx, "wait for a tray to open", func(s State) bool {
		if len(s.Open) > 0 {
			drive = s.Open[0]
		}
		return drive != ""
	})
	return drive, err
}

// State is what Await's condition decides on: the two sources of events in step.
type State struct {
	Events []Event  // all so far
	Open   []string // drives whose tray is open
}

// Await waits until cond is true. cond must not call methods of the Guest. It
// fails when ctx or the guest ends or its kernel panics, telling what was waited for.
func (g *Guest) Await(ctx context.Context, what string, cond func(State) bool) error {
	now := func() bool {
		s := State{Events: g.events.all[:len(g.events.all):len(g.events.all)]}
		for i, d := range g.drives {
			if d.open {
				s.Open = append(s.Open, DriveID(i))
			}
		}
		return cond(s)
	}
	if err := g.board.await(ctx, now, g.lost); err != nil {
		return g.explain(what, err)
	}
	return nil
}

// Stir has everyone look again who Awaits something that the guest doesn't tell of itself.
func (g *Guest) Stir() { g.board.change(func() {}) }

type onDrive struct {
	ID    string `json:"id"`
	Force *bool  `json:"force,omitempty"`
}

// Insert puts the disc iso into a drive and closes its tray. A disc that is in
// the drive is taken out first; if the guest has locked the tray that fails.
func (g *Guest) Insert(ctx context.Context, drive, iso string) error {
	abs, err := filepath.Abs(iso) // QEMU may run elsewhere
	if err != nil {
		return err
	}
	return g.Execute(ctx, "blockdev-change-medium", struct {
		onDrive
		Filename string `json:"filename"`
		Format   string `json:"format"`
		ReadOnly string `json:"read-only-mode"`
	}{onDrive{ID: drive}, abs, "raw", "read-only"}, nil)
}

// Remove takes the disc out of a drive whose tray is open.
func (g *Guest) Remove(ctx context.Context, drive string) error {
	return g.Execute(ctx, "blockdev-remove-medium", onDrive{ID: drive}, nil)
}

// OpenTray presses the button of a drive. If the guest has locked the tray it
// is asked, and may not obey; force opens it as a paper clip does.
func (g *Guest) OpenTray(ctx context.Context, drive string, force bool) error {
	return g.Execute(ctx, "blockdev-open-tray", onDrive{drive, &force}, nil)
}

// CloseTray closes the tray of a drive.
func (g *Guest) CloseTray(ctx context.Context, drive string) error {
	return g.Execute(ctx, "blockdev-close-tray", onDrive{ID: drive}, nil)
}

// WaitReset waits for the next reset of the machine; each is told once.
func (g *Guest) WaitReset(ctx context.Context) error {
	taken := func() bool {
		if g.resets == 0 {
			return false
		}
		g.resets--
		return true
	}
	if err := g.board.await(ctx, taken, g.lost); err != nil {
		return g.explain("wait for a reset", err)
	}
	return nil
}
