package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload/deb"
)

// ksRun runs molt ks in a directory of files; DIR/ in what it prints is that.
func ksRun(t *testing.T, files map[string]string, args ...string) (out string, code int) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, arg := range args {
		if _, there := files[arg]; there || arg == "none.ks" {
			args[i] = filepath.Join(dir, arg)
		}
	}
	var b strings.Builder
	err := run(t.Context(), append([]string{"ks"}, args...), streams{out: &b, err: &b})
	if err != nil {
		b.WriteString("error: " + err.Error() + "\n")
		code = status(err)
	}
	return strings.ReplaceAll(b.String(), dir+"/", "DIR/"), code
}

func machinePath(name string) string {
	return filepath.Join("..", "..", "examples", "machines", name+".json")
}

const wipe = "zerombr\nclearpart --all --initlabel\n"

func TestKsPlan(t *testing.T) {
	out, code := ksRun(t, map[string]string{"a.ks": goodKs + wipe}, "plan", "-machine", machinePath("bios-virtio"), "a.ks")
	if code != 0 {
		t.Fatalf("exit status %d:\n%s", code, out)
	}
	for _, want := range []string{"/dev/vda", "Partition /dev/vda", "software was not looked at"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	incomplete := strings.Replace(goodKs, "timezone UTC\n", "skipx\n", 1) + wipe
	out, _ = ksRun(t, map[string]string{"a.ks": incomplete}, "plan", "-machine", machinePath("bios-virtio"), "a.ks")
	if !strings.HasPrefix(out, "DIR/a.ks:3: warning: skipx") || !strings.Contains(out, "\nDIR/a.ks: warning: no time zone is set; unattended, that needs timezone\n") {
		t.Errorf("what is left open isn't said:\n%s", out)
	}
	out, code = ksRun(t, map[string]string{"a.ks": goodKs + wipe}, "plan", "--json", "--machine="+machinePath("bios-virtio"), "a.ks")
	var got struct {
		Machine  string
		Software bool
		Plan     struct {
			Disks []struct{ Path string }
			Steps []struct{ ID string }
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 {
		t.Fatalf("exit status %d, %v:\n%s", code, err, out)
	}
	if got.Machine != "bios-virtio.json" || got.Software || len(got.Plan.Disks) != 1 || got.Plan.Disks[0].Path != "/dev/vda" || len(got.Plan.Steps) < 5 {
		t.Errorf("%+v", got)
	}
}

// The same plan each time: it can be kept and compared.
func TestKsPlanSame(t *testing.T) {
	args := func() []string { return []string{"plan", "-json", "-machine", machinePath("uefi-nvme"), "a.ks"} }
	files := map[string]string{"a.ks": goodKs + wipe}
	first, _ := ksRun(t, files, args()...)
	second, _ := ksRun(t, files, args()...)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
}

func TestKsPlanFails(t *testing.T) {
	files := map[string]string{
		"a.ks": strings.Replace(goodKs, "rootpw secret", "rootpw Tr0ub4dor", 1) + "clearpart --all --drives=sdx\nbootloader --boot-drive=sdy\n",
		"bad":  "foo\n", "m.json": `{"firmwear":"bios"}`,
	}
	tests := []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"-machine", machinePath("bios-virtio"), "a.ks"}, 1, []string{"DIR/a.ks: sdx: ", "DIR/a.ks: sdy: ", "can't be installed on bios-virtio.json"}},
		{[]string{"-json", "-machine", machinePath("bios-virtio"), "a.ks"}, 1, []string{`"problems": [`, `"subject": "sdx"`}},
		{[]string{"-machine", machinePath("bios-virtio"), "bad"}, 1, []string{"unknown command foo"}},
		{[]string{"a.ks"}, 2, []string{"name a machine"}},
		{[]string{"-machine", "m.json", "a.ks"}, 2, []string{"firmwear"}},
		{[]string{"-machine", "none.ks", "a.ks"}, 2, []string{"no such file"}},
		{[]string{"-set", "none.ks", "-machine", machinePath("bios-virtio"), "a.ks"}, 2, []string{"set DIR/none.ks"}},
		{[]string{"-frobnicate"}, 2, []string{"exit status: 0 good"}},
	}
	for _, tt := range tests {
		out, code := ksRun(t, files, append([]string{"plan"}, tt.args...)...)
		if code != tt.code {
			t.Errorf("%q: exit status %d, want %d", tt.args, code, tt.code)
		}
		for _, want := range tt.want {
			if !strings.Contains(out, want) {
				t.Errorf("%q: no %q in:\n%s", tt.args, want, out)
			}
		}
		if strings.Contains(out, "Tr0ub4dor") {
			t.Errorf("%q: the password is shown:\n%s", tt.args, out)
		}
	}
}

func TestKsCheckMachine(t *testing.T) {
	files := map[string]string{"a.ks": goodKs + wipe, "b.ks": goodKs + "clearpart --all --drives=sdx\n"}
	out, code := ksRun(t, files, "check", "-machine", machinePath("bios-virtio"), "a.ks")
	if code != 0 {
		t.Errorf("exit status %d:\n%s", code, out)
	}
	out, code = ksRun(t, files, "check", "-machine", machinePath("bios-virtio"), "a.ks", "b.ks")
	if code != 1 || !strings.Contains(out, "DIR/b.ks: sdx: ") || !strings.Contains(out, "1 of 2 files") {
		t.Errorf("exit status %d:\n%s", code, out)
	}
}

func TestKsDiff(t *testing.T) {
	tests := []struct{ name, a, b, want string }{
		{"the same, written otherwise", "lang C # a comment\nreboot\n%packages\na\nb\n%end\n", "reboot\n\n%packages\nb\na\n%end\nlang \"C\"\n", ""},
		{"included", "%include c.ks\n", "timezone UTC\n", ""},
		{"an option", "bootloader --timeout=1\nlang C\n", "bootloader --timeout=2\nlang C\n", "bootloader:\n- bootloader --timeout=1\n+ bootloader --timeout=2\n"},
		{"the same password", "rootpw secret1\n", "rootpw --plaintext secret1\n", ""},
		{"another option of %packages", "%packages --ignoremissing\nvim\n%end\n", "%packages\nvim\n%end\n", "%packages:\n- %packages --ignoremissing\n"},
		{"another password", "rootpw secret1\n", "rootpw secret2\n", "rootpw:\n  rootpw --iscrypted REDACTED\n  (what is hidden here differs)\n"},
		{"a package", "%packages\na\nb\n%end\n", "%packages\na\n-b\n%end\n", "%packages:\n- b\n+ -b\n"},
		{"a script", "%post\necho 1\n%end\n", "%post\necho 2\n%end\n", "%post:\n- %post\n- echo 1\n+ %post\n+ echo 2\n"},
		{"order of scripts", "%post\na\n%end\n%post\nb\n%end\n", "%post\nb\n%end\n%post\na\n%end\n",
			"%post:\n  %post\n  b\n  %post\n  a\n  (the same, in another order)\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, code := ksRun(t, map[string]string{"a.ks": tt.a, "b.ks": tt.b, "c.ks": "timezone UTC"}, "diff", "a.ks", "b.ks")
			want, wantCode := "", 0
			if tt.want != "" {
				want, wantCode = "--- DIR/a.ks\n+++ DIR/b.ks\n"+tt.want+"error: ks diff: the files differ in 1 command\n", 1
			}
			if diff := cmp.Diff(want, out); diff != "" || code != wantCode {
				t.Errorf("exit status %d, want %d: %s", code, wantCode, diff)
			}
		})
	}
	for _, args := range [][]string{{"a.ks"}, {"a.ks", "none.ks"}, {"a.ks", "bad.ks"}, {"a.ks", "pre.ks"}} {
		files := map[string]string{"a.ks": "lang C\n", "bad.ks": "foo\n", "pre.ks": "%include /tmp/none-of-it\n%pre\nx\n%end\n"}
		if out, code := ksRun(t, files, append([]string{"diff"}, args...)...); code != 2 {
			t.Errorf("%q: exit status %d:\n%s", args, code, out)
		}
	}
}

func TestKsFlatten(t *testing.T) {
	files := map[string]string{"a.ks": "# ours\n%include b.ks\n%packages\n%include c.ks\n%end\n", "b.ks": "lang C", "c.ks": "vim\n", "bad.ks": "%include none\n",
		"pre.ks": "%include /nowhere/made\n%pre\ntrue\n%end\n"}
	out, code := ksRun(t, files, "flatten", "a.ks")
	if want := "# ours\n# from b.ks\nlang C\n# end of b.ks\n%packages\nvim\n%end\n"; out != want || code != 0 {
		t.Errorf("exit status %d:\n%s", code, out)
	}
	out, code = ksRun(t, files, "flatten", "bad.ks")
	if code != 1 || !strings.Contains(out, "%include none: ") {
		t.Errorf("exit status %d:\n%s", code, out)
	}
	out, code = ksRun(t, files, "flatten", "pre.ks")
	if code != 0 || !strings.HasPrefix(out, "DIR/pre.ks: warning: /nowhere/made isn't there") || !strings.HasSuffix(out, files["pre.ks"]) {
		t.Errorf("exit status %d:\n%s", code, out)
	}
}

// With a real set: what it doesn't have, and what could not run a script.
func TestKsSet(t *testing.T) {
	set := filepath.Join("..", "..", "build", "tiny")
	if _, err := os.Stat(filepath.Join(set, "netboot", "initrd.img")); err != nil {
		t.Skip("needs the tiny set: make iso EXAMPLE=tiny")
	}
	out, code := ksRun(t, map[string]string{"a.ks": goodKs + wipe + "%packages\n@hallo\nnetbase\nnothing-like-it\n%end\n"}, "check", "-set", set, "a.ks")
	for _, want := range []string{"DIR/a.ks: line 10: the set has no group hallo; did you mean hello?", "line 12: the set has no package nothing-like-it"} {
		if !strings.Contains(out, want) || code != 1 {
			t.Errorf("exit status %d, no %q in:\n%s", code, want, out)
		}
	}
	scripts := "%post --interpreter=/usr/bin/no-such\ntrue\n%end\n%post --interpreter=/bin/busybox\ntrue\n%end\n%pre --interpreter=/usr/bin/no-such\ntrue\n%end\n%pre\ntrue\n%end\n"
	out, code = ksRun(t, map[string]string{"a.ks": goodKs + wipe + scripts}, "check", "-set", set, "-machine", machinePath("bios-virtio"), "a.ks")
	want := "DIR/a.ks: warning: %post at DIR/a.ks:9 is for /usr/bin/no-such: no package that will be installed has it; add one to %packages\n" +
		"DIR/a.ks: warning: %pre at DIR/a.ks:15 is for /usr/bin/no-such: the installer's image doesn't have it\n"
	if !strings.HasSuffix(out, want) || strings.Count(out, "interpreter")+strings.Count(out, "/bin/busybox") > 0 || code != 0 {
		t.Errorf("exit status %d:\n%s", code, out)
	}
	out, code = ksRun(t, map[string]string{"a.ks": goodKs + wipe}, "plan", "-set", set, "-machine", machinePath("bios-virtio"), "a.ks")
	if code != 0 || strings.Contains(out, "was not looked at") || strings.Contains(out, ": 0 packages") {
		t.Errorf("exit status %d:\n%s", code, out)
	}
}

func TestKsMissing(t *testing.T) {
	k := &ksFile{data: []byte("lang C\n%packages\n@tools\n  vim\n%end\n")}
	k.answers.Software.Packages = []string{"vim", "included"}
	for _, tt := range []struct {
		unknown deb.Unknown
		want    string
	}{
		{deb.Unknown{Kind: "group", Name: "tools"}, "line 3: the set has no group tools"},
		{deb.Unknown{Kind: "package", Name: "vim", Near: []string{"vi", "ed"}}, "line 4: the set has no package vim; did you mean vi or ed?"},
		{deb.Unknown{Kind: "package", Name: "included"}, "the set has no package included"},
		{deb.Unknown{Kind: "package", Name: "lvm2"}, "the set has no package lvm2 (what the file asks for needs it)"},
	} {
		if got := k.missing(tt.unknown); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestInterpreterFound(t *testing.T) {
	sums := []byte("d41d8cd98f00b204e9800998ecf8427e  usr/bin/python3.13\nd41d8cd98f00b204e9800998ecf8427e  bin/bash\nd41d8cd98f00b204e9800998ecf8427e  usr/bin/perldoc\n")
	for program, want := range map[string]bool{
		"/usr/bin/python3": true, "/usr/bin/python3.13": true, "/usr/bin/bash": true, "/bin/bash": true, "/usr/bin/perl": false, "/usr/local/bin/bash": false,
	} {
		if got := listed(sums, program); got != want {
			t.Errorf("%s: %v", program, got)
		}
	}
	script := []byte("update-alternatives --quiet --install /usr/bin/awk awk /usr/bin/mawk 5")
	if !alternative(script, "/usr/bin/awk") || alternative(script, "/usr/bin/perl") || alternative([]byte("/usr/bin/awk"), "/usr/bin/awk") {
		t.Error("alternatives are told apart wrongly")
	}
}

// What molt machine prints can be planned for.
func TestMachine(t *testing.T) {
	var out, notes strings.Builder
	file := filepath.Join(t.TempDir(), "m.json")
	if err := runMachine(t.Context(), nil, streams{out: &out, err: &notes}); err != nil {
		t.Fatal(err)
	}
	m, err := machine.Parse([]byte(out.String()))
	if err != nil || m.Memory == 0 {
		t.Fatalf("%v in:\n%s", err, out.String())
	}
	for _, what := range m.Unknown {
		if !strings.Contains(notes.String(), what) {
			t.Errorf("%q isn't said", what)
		}
	}
	if err := runMachine(t.Context(), []string{"-o", file}, streams{out: &out, err: &notes}); err != nil {
		t.Fatal(err)
	}
	if _, err := machine.Load(file); err != nil {
		t.Error(err)
	}
	if err := runMachine(t.Context(), []string{"x"}, streams{out: &out, err: &notes}); err == nil {
		t.Error("an argument is taken")
	}
}
