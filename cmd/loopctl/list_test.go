package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// losetup runs it; tests compare with what it says.
func losetup(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("losetup", args...).Output()
	if err != nil {
		t.Skip("no losetup to compare with: ", err)
	}
	return string(out)
}

// TestListIsLosetups: the same bytes for the same options.
func TestListIsLosetups(t *testing.T) {
	name := file(t, "with blanks and \\", 1<<20)
	dev := attached(t, "-r", "-o4K", "--sizelimit=512KiB", name)
	for _, args := range [][]string{
		{"-l"}, {"-ln"}, {"-l", "--raw"}, {"-lJ"},
		{"-nO", "NAME,BACK-FILE"}, {"-O", "BACK-FILE,RO,OFFSET,SIZELIMIT,PARTSCAN,BACK-INO,LOG-SEC"}, {"--raw", "-nO", "BACK-INO,DIO"},
		{"-J", "-O", "AUTOCLEAR,BACK-INO,SIZELIMIT"},
	} {
		got, errs, code := try(t, append(append([]string{"list"}, args...), dev)...)
		if code != 0 {
			t.Fatal(errs)
		}
		want := losetup(t, append(args, dev, "-l")...)
		if strings.Contains(strings.Join(args, ""), "J") {
			got, want = compact(t, got), compact(t, want)
		}
		if diff := cmp.Diff(trimLines(want), trimLines(got)); diff != "" {
			t.Errorf("%v: (-losetup +loopctl)\n%s", args, diff)
		}
	}
	if out, _, _ := try(t, "list", "-j", name, "-nO", "+maj:min,back-maj:min,ref"); !strings.Contains(out, dev) || strings.Count(out, "\n") != 1 {
		t.Errorf("%q", out)
	}
}

// compact is JSON without what its writer pleased.
func compact(t *testing.T, s string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatal(err, s)
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// trimLines: losetup pads the last column on some versions.
func trimLines(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

// shape is JSON with every value replaced by its type.
func shape(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, x := range v {
			m[k] = shape(x)
		}
		return m
	case []any:
		if len(v) == 0 {
			return []any{}
		}
		return []any{shape(v[0])}
	case string:
		return "string"
	case bool:
		return "bool"
	case float64:
		return "number"
	}
	return "null"
}

// TestJSON: scripts rely on names and types.
func TestJSON(t *testing.T) {
	dev := attached(t, "-r", file(t, "from", 1<<20))
	held, err := os.Open(dev)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	const info = `{"autoclear":"bool","backing_dev":"number","backing_file":"string","backing_ino":"number","block_size":"number","dio":"bool",` +
		`"diskseq":"number","inflight":"number","name":"string","number":"number","offset":"number","partscan":"bool","path":"string","ro":"bool",` +
		`"size":"number","sizelimit":"number"}`
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"list", "-J", dev}, `{"loopdevices":[{"autoclear":"bool","back-file":"string","dio":"bool","log-sec":"number","name":"string","offset":"number","ro":"bool","sizelimit":"number"}]}`},
		{[]string{"list", "-J", "--output-all", dev}, `{"loopdevices":[{"autoclear":"bool","back-file":"string","back-ino":"number","back-maj:min":"string","dio":"bool","diskseq":"number",` +
			`"inflight":"number","log-sec":"number","maj:min":"string","name":"string","offset":"number","partscan":"bool","ref":"string","ro":"bool","size":"number","sizelimit":"number"}]}`},
		{[]string{"list", "-J", "-j", "/"}, `{"loopdevices":[]}`},
		{[]string{"info", "-J", dev}, info[:len(info)-1] + `,"held":"bool","mounts":[]}`},
		{[]string{"holders", "-J", dev}, `[{"command":"string","how":"string","path":"string","pid":"number"}]`},
		{[]string{"switch", "-qJ", dev, file(t, "to", 1<<20)}, `{"bytes":"number","check":"number","fsync":"number","ioctl":"number","new":` + info + `,"old":` + info + `,"sha256":"string","verify":"number"}`},
		{[]string{"to-memory", "-qJ", dev}, `{"bytes":"number","check":"number","fsync":"number","ioctl":"number","new":` + info + `,"old":` + info + `,"sha256":"string","verify":"number"}`},
		{[]string{"detach", "-J", dev}, `[{"detached":"bool","device":"string"}]`},
	} {
		if tc.args[0] == "detach" {
			held.Close()
		}
		out, errs, code := try(t, tc.args...)
		var got, want any
		if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 {
			t.Fatal(tc.args, err, code, errs)
		}
		if err := json.Unmarshal([]byte(tc.want), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, shape(got)); diff != "" {
			t.Errorf("%v: (-want +got)\n%s", tc.args, diff)
		}
	}
}
