package stage2

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/plan"
)

// readKickstart runs the file's %pre scripts and turns it into answers. All
// errors of all files come at once.
func (s *session) readKickstart(ctx context.Context) error {
	found := s.setup.Record.Kickstart
	if found == nil {
		return nil
	}
	data, err := os.ReadFile(s.Paths.Kickstart)
	if err != nil {
		return fmt.Errorf("read the kickstart of %s: %w", found.Origin, err)
	}
	name := filepath.Base(found.Origin)
	options := kickstart.Options{Include: include(filepath.Dir(s.Paths.Kickstart)), Rand: rand.Reader}
	if err := s.pre(ctx, name, data, options); err != nil {
		return err
	}
	answers, diags := kickstart.Parse(name, data, options)
	if err := diags.Err(); err != nil {
		return fmt.Errorf("the kickstart of %s can't be used; nothing has been written:\n%w", found.Origin, err)
	}
	for _, d := range diags {
		s.out.Emit(event.Event{Type: event.Warning, Message: d.Error()})
	}
	s.answers, s.redo = answers, kickstart.Redact(data)
	return nil
}

// pre runs the %pre scripts, which can write files that others include.
func (s *session) pre(ctx context.Context, name string, data []byte, o kickstart.Options) error {
	o.Rand = nil
	scripts, diags := kickstart.PreScripts(name, data, o)
	if err := diags.Err(); err != nil {
		return fmt.Errorf("the scripts of %s: %w", name, err)
	}
	for i, sc := range scripts {
		if sc.Kind != config.Pre {
			continue
		}
		if err := plan.NewScript(fmt.Sprintf("pre-%d", i+1), sc).Run(ctx, s.env); err != nil {
			return err
		}
	}
	return nil
}

// include reads what %include names: a file, absolute or beside the kickstart.
func include(dir string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		if strings.Contains(path, "://") {
			return nil, errors.New("including a URL is not supported yet; include a file")
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		return os.ReadFile(path)
	}
}
