package plain

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/molt-installer/molt/internal/golden"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/words"
)

var _ = flag.Bool("update", false, "write the golden files anew")

// answered is what the questions of kinds are bound to.
type answered struct {
	name, pass, pass2, disk, zone, words string
	groups, found                        []string
	admin                                bool
	users                                []string
	left                                 int
}

// kinds is a page with a question of every kind.
func (a *answered) kinds() dialog.Page {
	return dialog.Page{
		ID: "kinds", Title: "All kinds", Help: "This page has a question of every kind.",
		Fields: func(*dialog.State) []dialog.Field {
			fields := []dialog.Field{
				dialog.Note{Text: "Something to read, which is long enough that it has to be wrapped into two lines of words."},
				dialog.Note{Text: "something to mind", Bad: true},
				dialog.Text{Key: "name", Label: "Name", Hint: "Letters only.", Value: &a.name, Check: letters, Remark: func(s string) string { return "That has " + s[:1] + " at its beginning." }},
				dialog.Text{Key: "pass", Label: "Password", Secret: true, Value: &a.pass},
				dialog.Text{Key: "pass2", Label: "The same again", Secret: true, Value: &a.pass2, Check: func(s string) error {
					if s != a.pass {
						return errors.New("they differ")
					}
					return nil
				}},
				dialog.Choice{Key: "disk", Label: "Which disk?", Options: options("vda", "vdb"), Value: &a.disk},
				dialog.Choice{Key: "zone", Label: "Zone", Options: zones(), Value: &a.zone},
				dialog.Marks{Key: "groups", Label: "Groups", Options: options("tools", "web", "ssh"), Values: &a.groups, Check: func(v []string) error {
					if len(v) > 2 {
						return errors.New("two at most")
					}
					return nil
				}},
				dialog.Yes{Key: "admin", Label: "Administrator", Value: &a.admin},
				a.table(),
			}
			if a.admin {
				fields = append(fields, dialog.Note{Text: "An administrator can do everything."})
			}
			return fields
		},
		Leave: func(context.Context, *dialog.State) error {
			if a.left++; a.left == 1 {
				return errors.New("not yet")
			}
			return nil
		},
	}
}

func (a *answered) table() dialog.Table {
	t := dialog.Table{Key: "users", Label: "Users", Head: []string{"Name", "Rights"}, Actions: []dialog.RowAction{
		{Key: "e", Label: "change", Do: func(_ context.Context, row string) (*dialog.Page, error) {
			return nil, errors.New("can't change " + row)
		}},
		{Key: "a", Label: "add", Whole: true, Do: func(context.Context, string) (*dialog.Page, error) { return a.addPage(), nil }},
		{Key: "d", Label: "remove", Do: func(_ context.Context, row string) (*dialog.Page, error) { a.users = nil; return nil, nil }},
	}}
	for _, u := range a.users {
		t.Rows = append(t.Rows, dialog.Row{Key: u, Cells: []string{u, "-", "everything"}, Bad: "no password"})
	}
	return t
}

// addPage is searched: its button belongs to its text.
func (a *answered) addPage() *dialog.Page {
	return &dialog.Page{
		ID: "add", Title: "Add", Help: "Adds a user.",
		Fields: func(*dialog.State) []dialog.Field {
			fields := []dialog.Field{
				dialog.Text{Key: "words", Label: "Search for", Value: &a.words},
				dialog.Button{Key: "search", Label: "Search", Of: "words", Do: func(context.Context) (*dialog.Page, error) {
					a.found = []string{a.words + "-1", a.words + "-2"}
					return nil, nil
				}},
				dialog.Button{Key: "other", Label: "Something else", Do: func(context.Context) (*dialog.Page, error) { return nil, errors.New("that failed") }},
			}
			if len(a.found) > 0 {
				fields = append(fields, dialog.Marks{Key: "found", Label: "Found", Options: options(a.found...), Values: &a.users})
			}
			return fields
		},
	}
}

func letters(s string) error {
	if strings.ContainsAny(s, "0123456789") || s == "" {
		return errors.New("letters only")
	}
	return nil
}

func options(values ...string) []dialog.Option {
	var all []dialog.Option
	for _, v := range values {
		all = append(all, dialog.Option{Value: v, Label: v + "    20 GiB", Hint: "about " + v})
	}
	return all
}

func zones() []dialog.Option {
	var all []dialog.Option
	for _, region := range []string{"Africa", "America", "Europe"} {
		for _, place := range strings.Fields("Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu") {
			all = append(all, dialog.Option{Value: region + "/" + place, Label: place + " in " + region, Find: "zone"})
		}
	}
	return all
}

// converse has lines typed at the questions of p.
func converse(t testing.TB, a *answered, in io.Reader, out io.Writer) (move, error) {
	w := words.Open(words.English)
	u := Start(in, out, "Test 1", w)
	defer u.Close()
	k := &talk{UI: u, ctx: t.Context(), state: dialog.New(dialog.Facts{Product: "Test 1"}, config.Answers{}, w), heading: "All kinds"}
	return k.page(a.kinds())
}

// TestKinds: every kind of question, answered well and badly, forward and back.
func TestKinds(t *testing.T) {
	for _, name := range []string{"forward", "mistakes", "back"} {
		t.Run(name, func(t *testing.T) {
			lines, err := os.ReadFile("testdata/" + name + ".in")
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			var a answered
			m, err := converse(t, &a, bytes.NewReader(lines), &out)
			if err != nil && !errors.Is(err, ErrEnded) {
				t.Fatal(err)
			}
			if strings.Contains(out.String(), "secret") {
				t.Error("a password was written")
			}
			a.pass, a.pass2 = strings.Repeat("*", len(a.pass)), strings.Repeat("*", len(a.pass2))
			golden.Check(t, "testdata/"+name+".out", out.String()+"-- "+shown(m, a, err))
		})
	}
}

func shown(m move, a answered, err error) string {
	var b strings.Builder
	b.WriteString([]string{"next", "back", "onward", "summary", "again"}[m])
	if err != nil {
		b.WriteString(", " + err.Error())
	}
	b.WriteString("\n-- " + strings.Join([]string{a.name, a.pass, a.pass2, a.disk, a.zone, strings.Join(a.groups, "+"), strings.Join(a.users, "+")}, " | ") + "\n")
	return b.String()
}

// FuzzLines: whatever is typed, nothing breaks, no more is kept of it than there is room for, and no control
// characters come back.
func FuzzLines(f *testing.F) {
	for _, name := range []string{"forward", "mistakes", "back"} {
		data, err := os.ReadFile("testdata/" + name + ".in")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("\x00\x1b[2J\r\n\xff\xfe\n" + strings.Repeat("x", 100)))
	f.Add([]byte("\n\n\n\n99999999999999999999\n-1\n0\n,,,\n1 2 3 4\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out bytes.Buffer
		var a answered
		converse(t, &a, bytes.NewReader(data), &out)
		for _, c := range out.Bytes() {
			if c < ' ' && c != '\n' || c == 0x7f {
				t.Fatalf("%q was written", c)
			}
		}
		for _, value := range []string{a.name, a.pass, a.disk, a.zone} {
			if len(value) > 2*MostLine || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' }) {
				t.Fatalf("an answer is %q", value)
			}
		}
	})
}

// endless is a line that doesn't end for long.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	for i := range p {
		p[i] = "y\x00"[i%2]
	}
	e.left -= len(p)
	return len(p), nil
}

// TestHugeLine: of a line of 64 MiB MostLine is kept at most, and it takes no more memory than that.
func TestHugeLine(t *testing.T) {
	in := bufio.NewReader(io.MultiReader(&endless{64 << 20}, strings.NewReader("\nnext\n")))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	l := readLine(in)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; len(l.text) == 0 || len(l.text) > MostLine || !l.cut || took > 1<<20 {
		t.Errorf("%d bytes are kept, cut: %v, %d bytes were taken for it", len(l.text), l.cut, took)
	}
	if l := readLine(in); l.text != "next" || l.cut {
		t.Errorf("the line after it is %q, cut: %v", l.text, l.cut)
	}
}

// TestSecretOnTerminal: a terminal doesn't show what is typed for a password, and shows the rest.
func TestSecretOnTerminal(t *testing.T) {
	far, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	defer tty.Close()
	u := Start(tty, tty, "Test 1", words.Open(words.English))
	lines := make(chan string, 2)
	go func() {
		defer close(lines)
		secret, _ := u.read(t.Context(), "Password", true)
		open, _ := u.read(t.Context(), "Name", false)
		lines <- secret
		lines <- open
	}()
	seen := ""
	until := func(want string) {
		t.Helper()
		buf := make([]byte, 256)
		for !strings.Contains(seen, want) {
			far.SetReadDeadline(time.Now().Add(time.Minute))
			n, err := far.Read(buf)
			if err != nil {
				t.Fatalf("%v, after %q", err, seen)
			}
			seen += string(buf[:n])
		}
	}
	until("Password: ")
	far.WriteString("xyzzy\n")
	until("Name: ")
	far.WriteString("plugh\n")
	if a, b := <-lines, <-lines; a != "xyzzy" || b != "plugh" {
		t.Errorf("read %q and %q", a, b)
	}
	until("plugh")
	if strings.Contains(seen, "xyzzy") {
		t.Errorf("the terminal showed the password: %q", seen)
	}
	if err := u.Close(); err != nil {
		t.Error(err)
	}
}

// TestCancelled: a question that is taken back loses no line, and Close ends a read that waits.
func TestCancelled(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	u := Start(r, io.Discard, "Test 1", words.Open(words.English))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := u.Choose(ctx, Question{Choices: []Choice{{"a", "A"}}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	w.WriteString("1\n")
	if key, err := u.Choose(t.Context(), Question{Choices: []Choice{{"a", "A"}}}); key != "a" || err != nil {
		t.Errorf("%q, %v", key, err)
	}
	if _, err := u.Choose(ctx, Question{Choices: []Choice{{"a", "A"}}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	u.Close()
}

// TestProgress: an installation in lines.
func TestProgress(t *testing.T) {
	var out bytes.Buffer
	u := Start(strings.NewReader(""), &out, "Test 1", words.Open(words.English))
	defer u.Close()
	now := time.Unix(1000, 0)
	for _, e := range []event.Event{
		{Type: event.Plan, Message: "Test 1", Steps: []event.StepInfo{{ID: "mkfs", Title: "Make file systems", Weight: 1}, {ID: "relocate", Title: "Copy the installer", Weight: 2}, {ID: "fetch-2", Title: "Copy packages from disc 2", Weight: 7}}},
		{Type: event.Start, Step: "mkfs"},
		{Type: event.Log, Message: "mke2fs 1.47 \x1b[31m(5-Feb-2023)"},
		{Type: event.Finish, Step: "mkfs", Err: "no room"},
		{Type: event.Error, Message: "Make file systems", Err: "no room"},
		{Type: event.Start, Step: "mkfs"},
		{Type: event.Finish, Step: "mkfs"},
		{Type: event.Start, Step: "relocate"},
		{Type: event.Progress, Step: "relocate", Progress: &event.Amount{Done: 10 << 20, Total: 100 << 20, Unit: "bytes"}},
		{Type: event.Progress, Step: "relocate", Progress: &event.Amount{Done: 30 << 20, Total: 100 << 20, Unit: "bytes"}},
		{Type: event.Progress, Step: "relocate", Progress: &event.Amount{Done: 31 << 20, Total: 100 << 20, Unit: "bytes"}},
		{Type: event.Progress, Step: "relocate", Progress: &event.Amount{Done: 100 << 20, Total: 100 << 20, Unit: "bytes"}},
		{Type: event.Finish, Step: "relocate", Switch: &event.SwitchInfo{Bytes: 100 << 20}},
		{Type: event.Start, Step: "fetch-2"},
		{Type: event.NeedDisc, Step: "fetch-2", Message: "Insert disc 2 of Test 1 into /dev/sr0", Discs: &event.DiscInfo{Wanted: 2}},
		{Type: event.Disc, Step: "fetch-2", Discs: &event.DiscInfo{Wanted: 2, Drive: "/dev/sr0", Found: "disc 1 of Test 1"}},
		{Type: event.NeedDisc, Step: "fetch-2", Message: "Insert disc 2 of Test 1 into /dev/sr0", Discs: &event.DiscInfo{Wanted: 2, Drive: "/dev/sr0", Found: "disc 1 of Test 1"}},
		{Type: event.Disc, Step: "fetch-2", Discs: &event.DiscInfo{Wanted: 2, Drive: "/dev/sr0", OK: true}},
		{Type: event.Progress, Step: "fetch-2", Progress: &event.Amount{Done: 50, Total: 100, Unit: "packages"}},
		{Type: event.Warning, Message: "the label is \x1b]0;evil\a odd"},
		{Type: event.Finish, Step: "fetch-2"},
		{Type: event.Done, Message: "Test 1 is installed"},
		{Type: event.Failed, Err: "or not"},
	} {
		now = now.Add(10 * time.Second)
		e.Time = now
		u.Emit(e)
	}
	golden.Check(t, "testdata/progress.out", strings.ReplaceAll(out.String(), "\a", "(bell)"))
}

func TestWrap(t *testing.T) {
	long := strings.Repeat("word ", 30)
	for _, l := range strings.Split(wrap("  "+long), "\n") {
		if len(l) > width || !strings.HasPrefix(l, "  word") {
			t.Errorf("a line is %q", l)
		}
	}
	for _, same := range []string{"", "short", strings.Repeat("x", 100), "| in   columns" + long} {
		if got := wrap(same); got != same {
			t.Errorf("%q became %q", same, got)
		}
	}
}

// TestOutput: with what failed go the last lines of its output, without what a terminal would take for commands.
func TestOutput(t *testing.T) {
	var out bytes.Buffer
	u := Start(strings.NewReader("2\n"), &out, "Test 1", words.Open(words.English))
	defer u.Close()
	u.Emit(event.Event{Type: event.Log, Message: "of the step before"})
	u.Emit(event.Event{Type: event.Start, Step: "install"})
	for i := range 20 {
		u.Emit(event.Event{Type: event.Log, Message: "line\x1b[7m " + string(rune('a'+i))})
	}
	u.Emit(event.Event{Type: event.Log, Message: strings.Repeat("x", 10<<20)})
	key, err := u.Choose(t.Context(), Question{Title: "Install", Text: "it failed", Output: true, Choices: []Choice{{"retry", "Try again"}, {"abort", "End"}}})
	if key != "abort" || err != nil {
		t.Errorf("%q, %v", key, err)
	}
	text := out.String()
	if strings.Contains(text, "before") || strings.Contains(text, "\x1b") || strings.Contains(text, "[7m k") || !strings.Contains(text, "  line[7m l\n") || !strings.Contains(text, "[7m t\n") || len(text) > 2000 {
		t.Errorf("%d bytes: %.1000s", len(text), text)
	}
}
