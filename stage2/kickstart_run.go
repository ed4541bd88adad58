package stage2

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/plan"
	"github.com/molt-installer/molt/stage2/reach"
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
	options := kickstart.Options{Include: include(ctx, filepath.Dir(s.Paths.Kickstart), includeOptions(s.setup.Record, s.setup.Options)), Rand: rand.Reader}
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
	s.out.logAsked(s.setup.Options.Syslog, answers.Logging)
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

// maxIncluded is the largest file that is included by URL, bytes.
const maxIncluded = 64 << 20

// includeOptions are how servers are asked for what is included: with the headers that
// stage 1 sent, since a program can make the file for them.
func includeOptions(r handoff.Record, o bootargs.Options) fetch.Options {
	options := reach.ServerOptions(r, o)
	if o.SendMAC {
		options.Header = r.Network.Cards()
	}
	return options
}

// include reads what %include names: a file, absolute or beside the kickstart, or a URL.
// What a URL had at first it has for the whole run: the file is read twice, for its
// %pre scripts and then for all the rest.
func include(ctx context.Context, dir string, o fetch.Options) func(string) ([]byte, error) {
	known := map[string][]byte{}
	return func(path string) ([]byte, error) {
		if !strings.Contains(path, "://") {
			if !filepath.IsAbs(path) {
				path = filepath.Join(dir, path)
			}
			return os.ReadFile(path)
		}
		if data, ok := known[path]; ok {
			return data, nil
		}
		data, err := fetchIncluded(ctx, path, o)
		if err == nil {
			known[path] = data
		}
		return data, err
	}
}

// fetchIncluded reads the file at a URL. Its errors hold no password.
func fetchIncluded(ctx context.Context, url string, o fetch.Options) ([]byte, error) {
	if path, ok := strings.CutPrefix(url, "file://"); ok {
		return os.ReadFile(path)
	}
	src, err := media.ParseSource(url)
	if err != nil {
		return nil, err
	}
	if src.URL == "" {
		return nil, errors.New("only files and http, https and ftp can be included")
	}
	tree, err := fetch.Open(ctx, src, o)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	return fetch.ReadAll(ctx, tree, "", maxIncluded)
}
