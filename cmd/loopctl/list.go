package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/molt-installer/molt/cmd/loopctl/internal/cli"
	"github.com/molt-installer/molt/loopctl"
)

// listing is how list shows devices.
type listing struct {
	file    string
	columns []column
	bare    bool // without headings
	raw     bool
	json    bool
	ignored bool
}

func listCommand() cli.Command {
	l := listing{columns: normalColumns()}
	return cli.Command{
		Name:    "list",
		Summary: "list bound loop devices: all, or those named",
		About:   "It reads sysfs and opens no device, so that it doesn't hang behind a stuck switch; but BACK-INO, BACK-MAJ:MIN and REF are asked of the devices. \"loopctl man\" explains the columns.",
		Args:    []cli.Arg{{Name: "DEVICE", Optional: true, Repeated: true, Offers: devices()}},
		Options: []cli.Option{
			cli.Text(&l.file, "associated", "j", "FILE", "only those whose file is FILE").Offering(cli.Offers{Files: true}),
			{Long: "output", Short: "O", Arg: "COLUMNS", Offers: cli.Offers{Words: columnNames()},
				About: "show these, parted by commas, or with + before them, these as well: " + strings.Join(columnNames(), ", "),
				Set: func(s string) (err error) {
					l.columns, err = parseColumns(s)
					return err
				}},
			{Long: "output-all", About: "show all columns", Set: func(string) error {
				l.columns = columns()
				return nil
			}},
			cli.Switch(&l.bare, "noheadings", "n", "leave the headings out"),
			cli.Switch(&l.raw, "raw", "", "one space between columns, blanks and the like in values as \\x20"),
			jsonOption(&l.json),
			cli.Switch(&l.ignored, "list", "l", "no effect, for those used to losetup -l"),
		},
		Run: l.run,
	}
}

// devices completes the name of a bound device.
func devices() cli.Offers {
	return cli.Offers{Output: "loopctl list --noheadings --raw --output NAME"}
}

func (l *listing) run(_ context.Context, args []string, s cli.Streams) error {
	infos, err := l.find(args)
	if err != nil {
		return err
	}
	if infos, err = l.complete(infos); err != nil {
		return err
	}
	if l.json {
		return printJSON(s.Out, struct {
			Devices []json.Marshaler `json:"loopdevices"`
		}{l.objects(infos)})
	}
	if len(infos) == 0 {
		return nil
	}
	return l.print(s.Out, infos)
}

func (l *listing) find(names []string) ([]loopctl.Info, error) {
	var infos []loopctl.Info
	for _, name := range names {
		info, err := loopctl.Stat(name)
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	if len(names) == 0 {
		var err error
		if infos, err = loopctl.List(); err != nil {
			return nil, err
		}
	}
	return l.associated(infos)
}

// associated leaves those whose file is the one asked for. It is the file that counts,
// as long as there is one at the path that the kernel gives, else that path.
func (l *listing) associated(infos []loopctl.Info) ([]loopctl.Info, error) {
	if l.file == "" {
		return infos, nil
	}
	want, err := os.Stat(l.file)
	if err != nil {
		return nil, err
	}
	var found []loopctl.Info
	for _, info := range infos {
		if got, err := os.Stat(info.BackingFile); err == nil && os.SameFile(got, want) {
			found = append(found, info)
		}
	}
	return found, nil
}

// complete asks the devices what isn't in sysfs, if a column shows it. A device
// that goes away meanwhile is left out.
func (l *listing) complete(infos []loopctl.Info) ([]loopctl.Info, error) {
	asks := false
	for _, c := range l.columns {
		asks = asks || c.asks
	}
	if !asks {
		return infos, nil
	}
	var found []loopctl.Info
	for _, info := range infos {
		d, err := loopctl.Open(info.Path)
		if errors.Is(err, loopctl.ErrNotBound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		info, err = d.Info()
		d.Close()
		if err != nil {
			return nil, err
		}
		found = append(found, info)
	}
	return found, nil
}

func (l *listing) objects(infos []loopctl.Info) []json.Marshaler {
	rows := []json.Marshaler{}
	for _, info := range infos {
		rows = append(rows, object{l.columns, info})
	}
	return rows
}

// print writes the table: columns as wide as their widest value, or the heading, also
// when that isn't shown.
func (l *listing) print(w io.Writer, infos []loopctl.Info) error {
	rows := [][]string{l.row(func(c column) string { return c.name })}
	for _, info := range infos {
		rows = append(rows, l.row(func(c column) string { return c.text(info) }))
	}
	widths := make([]int, len(l.columns))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	if l.bare {
		rows = rows[1:]
	}
	for _, row := range rows {
		if _, err := fmt.Fprintln(w, l.line(row, widths)); err != nil {
			return err
		}
	}
	return nil
}

func (l *listing) row(cell func(column) string) []string {
	var row []string
	for _, c := range l.columns {
		row = append(row, cell(c))
	}
	return row
}

func (l *listing) line(row []string, widths []int) string {
	var b strings.Builder
	for i, cell := range row {
		if i > 0 {
			b.WriteByte(' ')
		}
		switch {
		case l.raw:
			b.WriteString(rawCell(cell))
		case l.columns[i].right:
			fmt.Fprintf(&b, "%*s", widths[i], cell)
		case i == len(row)-1:
			b.WriteString(cell)
		default:
			fmt.Fprintf(&b, "%-*s", widths[i], cell)
		}
	}
	return b.String()
}

// rawCell is one word whatever is in it.
func rawCell(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == '\\' || c == 0x7f {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// object is a device in JSON: an object with the columns' names in their order.
type object struct {
	columns []column
	info    loopctl.Info
}

func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, c := range o.columns {
		value, err := json.Marshal(c.value(o.info))
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, "%q:%s", strings.ToLower(c.name), value)
	}
	return append(b, '}'), nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "   ")
	return e.Encode(v)
}
