package kickstart

import (
	"bytes"
	"encoding/json"
	"errors"
	goflag "flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/golden"
	"github.com/molt-installer/molt/stage2/config"
)

// TestGood compares the answers made of testdata/good/*.ks with the JSON beside them.
func TestGood(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.ks")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata/good: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			answers, diags := Parse(filepath.Base(file), data, Options{})
			if err := diags.Err(); err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(answers, "", "\t")
			if err != nil {
				t.Fatal(err)
			}
			golden.Check(t, strings.TrimSuffix(file, ".ks")+".json", string(got)+"\n")
			golden.Check(t, strings.TrimSuffix(file, ".ks")+".written", string(Write(answers)))
			roundTrip(t, answers)
		})
	}
}

// TestBad compares what is said of testdata/bad/*.ks with the text beside them.
func TestBad(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.ks")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata/bad: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, diags := Parse(filepath.Base(file), data, Options{})
			if diags.Err() == nil {
				t.Error("nothing is found wrong")
			}
			golden.Check(t, strings.TrimSuffix(file, ".ks")+".txt", show(diags)+"\n")
		})
	}
}

// TestGoodWarnings: what is warned of in testdata/good is said in full too.
func TestGoodWarnings(t *testing.T) {
	var said []string
	files, _ := filepath.Glob("testdata/good/*.ks")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, diags := Parse(filepath.Base(file), data, Options{}); len(diags) > 0 {
			said = append(said, show(diags))
		}
	}
	golden.Check(t, "testdata/good/warnings.txt", strings.Join(said, "\n")+"\n")
}

var _ = goflag.Bool("update", false, "write the golden files anew")

// TestDiagnostics shows every message in full, with its place.
func TestDiagnostics(t *testing.T) {
	tests := []struct{ name, input, want string }{
		{"unknown command", "lnag en_US", "ks.cfg:1: unknown command lnag; did you mean lang?"},
		{"unknown command, nothing near", "\n\nfrobnicate=x --y", "ks.cfg:3: unknown command frobnicate…"},
		{"unknown option", "part / --size=1 --ondisc=vda", "ks.cfg:1: part has an unknown option; did you mean --ondisk?"},
		{"unknown option named", "repo --name=a --basurl=b", "ks.cfg:1: unknown option --basurl of repo; did you mean --baseurl?"},
		{"no options", "cdrom --some", "ks.cfg:1: cdrom takes no options"},
		{"no value", "timezone --utc=yes UTC", "ks.cfg:1: --utc of timezone takes no value: write --utc alone"},
		{"value", "part / --size", "ks.cfg:1: --size of part needs a value: --size=…"},
		{"number", "part / --size=big", "ks.cfg:1: --size of part must be a whole number, not \"big\""},
		{"boolean", "network --onboot=perhaps", "ks.cfg:1: --onboot of network must be on or off, not \"perhaps\""},
		{"choice", "autopart --type=zfs", "ks.cfg:1: --type of autopart can't be \"zfs\": it is one of lvm, btrfs, plain, partition, thinp"},
		{"required", "group", "ks.cfg:1: group needs --name"},
		{"argument", "lang", "ks.cfg:1: lang needs one locale, like en_US.UTF-8"},
		{"extra", "lang a b", "ks.cfg:1: lang takes one locale, like en_US.UTF-8 and no further arguments, but \"b\" follows"},
		{"extra of a secret", "rootpw secret1 secret2", "ks.cfg:1: rootpw takes one password and no further arguments"},
		{"removed", "install", "ks.cfg:1: install was removed from the language in F34: leave it out"},
		{"quote", "lang 'en", "ks.cfg:1: a quote is opened here and not closed on this line"},
		{"conflict", "part / --size=1\nautopart", "ks.cfg:2: autopart and part (line 1 of ks.cfg) can't be used together: choose one"},
		{"exclusive", "ignoredisk --drives=a --only-use=b", "ks.cfg:1: ignoredisk: --drives and --only-use exclude each other"},
		{"twice", "lang C\nlang POSIX", "ks.cfg:2: warning: lang replaces what line 1 of ks.cfg said"},
		{"slot", "reboot\nhalt", "ks.cfg:2: warning: halt replaces what line 1 of ks.cfg said"},
		{"unsupported command", "iscsiname x", "ks.cfg:1: iscsiname is not supported by this installer: it installs on the machine's own disks; attach the others once it runs"},
		{"unsupported option", "part / --size=9 --onbiosdisk=80", "ks.cfg:1: --onbiosdisk of part is not supported by this installer: the BIOS's numbers of disks are not known here; write --ondisk"},
		{"unsupported section", "%addon com_example\n%end", "ks.cfg:1: %addon is not supported by this installer: add-ons are programs of Anaconda; do the same in %post"},
		{"ignored command", "selinux --enforcing", "ks.cfg:1: warning: selinux is ignored: Debian comes without SELinux"},
		{"ignored option", "%packages --multilib\n%end", "ks.cfg:1: warning: --multilib of %packages is ignored: packages are installed as Debian makes them"},
		{"core after all", "%packages --nocore\n@core\n%end", "ks.cfg:2: warning: @core takes --nocore back: the base system is installed"},
		{"language", "%packages --inst-langs=de,p*\n%end", `ks.cfg:1: %packages: "p*" is no language; one looks like de, pt_BR or all`},
		{"abbreviated", "repo --name=a --base=b --install", "ks.cfg:1: warning: --base is read as --baseurl: write it in full"},
		{"ambiguous", "part / --fs=x", "ks.cfg:1: --fs of part is short for --fstype and --fsoptions: write it in full"},
		{"old version", "#version=RHEL8", "ks.cfg:1: warning: the file is for version RHEL8; it is read by the syntax of F45"},
		{"section without end", "%post\nx", "ks.cfg:1: section %post does not end with %end"},
		{"section in section", "%post\nx\n%packages\na\n%end", "ks.cfg:1: section %post does not end with %end"},
		{"unknown section", "%pakcages", "ks.cfg:1: unknown section %pakcages; did you mean %packages?"},
		{"empty script", "%post\n%end", "ks.cfg:1: warning: %post is empty"},
		{"package", "%packages\n\na b\n%end", "ks.cfg:3: \"a b\" is no name of a package: write one name a line"},
		{"pattern", "%packages\na[*\n%end", "ks.cfg:2: \"a[*\" is no pattern: one looks like vim-*"},
		{"include", "%include /x", "ks.cfg:1: %include: other files can't be read here"},
		{"key without a user", "sshkey --username=x 'ssh-rsa AAA'", "ks.cfg:1: sshkey: there is no user command for x"},
		{"not hashed", "rootpw --iscrypted 12345", "ks.cfg:1: rootpw: what is given with --iscrypted is no hash; mkpasswd makes one, and --plaintext takes the password itself"},
		{"kept without its password", "rootpw --iscrypted REDACTED", "ks.cfg:1: rootpw: REDACTED stands where the password was when the file was kept: put it in again"},
		{"kept without its passphrase", "autopart --encrypted --passphrase=REDACTED", "ks.cfg:1: autopart: REDACTED stands where the passphrase was when the file was kept: put it in again"},
		{"kept without GRUB's password", "bootloader --iscrypted --password=REDACTED", "ks.cfg:1: bootloader: REDACTED stands where the password was when the file was kept: put it in again"},
		{"choice in capitals", "autopart --type=LVM --nohome", ""},
		{"one boot drive", "bootloader --boot-drive=sda,sdb", "ks.cfg:1: bootloader: --boot-drive takes one disk"},
		{"old password of the boot loader", "bootloader --md5pass=$1$x", "ks.cfg:1: --md5pass of bootloader is not supported by this installer: GRUB takes only what grub-mkpasswd-pbkdf2 makes; write --iscrypted --password"},
		{"snapshot twice", "snapshot a/b --name=s --when=PRE-install\nsnapshot c/d --name=s --when=pre-install",
			"ks.cfg:2: snapshot: s is already the name of snapshot a/b (line 1 of ks.cfg)"},
		{"mask", "network --device=a --bootproto=static --ip=192.0.2.1", "ks.cfg:1: network: --bootproto=static needs --netmask=MASK, like 255.255.255.0"},
		{"mount point twice", "part / --size=1\npart / --size=1", "ks.cfg:2: part: / is already the mount point of part / (line 1 of ks.cfg)"},
		{"all at once", "lang\nkeyboard\nfoo", "ks.cfg:1: lang needs one locale, like en_US.UTF-8\n" +
			"ks.cfg:2: keyboard: a keymap is needed, or --vckeymap\nks.cfg:3: unknown command foo"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, diags := Parse("ks.cfg", []byte(tt.input), Options{})
			if diff := cmp.Diff(tt.want, show(diags)); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
		})
	}
}

func show(ds Diagnostics) string {
	var lines []string
	for _, d := range ds {
		lines = append(lines, d.Error())
	}
	return strings.Join(lines, "\n")
}

// files is an Include function over a map.
func files(m map[string]string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		if text, ok := m[path]; ok {
			return []byte(text), nil
		}
		return nil, fmt.Errorf("open %s: %w", path, os.ErrNotExist)
	}
}

func TestInclude(t *testing.T) {
	o := Options{Include: files(map[string]string{
		"/tmp/part":       "# made by %pre\npart / --size=10\nbad\n",
		"/pkgs":           "vim\n",
		"/self":           "%include /self\n",
		"http://u:pw@h/y": "bad",
	})}
	input := "%include /tmp/part\n%packages\n%include /pkgs\n%end\n%ksappend /self\n%include /none\n%include http://u:pw@h/x\n%include http://u:pw@h/y\n"
	a, diags := Parse("ks.cfg", []byte(input), o)
	want := "/tmp/part:3: unknown command bad\n" +
		"http://REDACTED@h/y:1: unknown command bad\n" +
		"/self:1: %include /self: the file includes itself: ks.cfg → /self\n" +
		"ks.cfg:6: %include /none: open /none: file does not exist\n" +
		"ks.cfg:7: %include http://REDACTED@h/x: open http://REDACTED@h/x: file does not exist"
	got := sortedByScan(diags)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("diagnostics (-want +got):\n%s", diff)
	}
	if len(a.Storage.Partitions) != 1 || len(a.Software.Packages) != 1 {
		t.Errorf("got %d partitions and packages %v", len(a.Storage.Partitions), a.Software.Packages)
	}
}

func sortedByScan(ds Diagnostics) string {
	var lines []string
	for _, d := range append(ds.Of(Syntax), ds.Of(Value)...) {
		lines = append(lines, d.Error())
	}
	return strings.Join(lines, "\n")
}

func TestPreScripts(t *testing.T) {
	input := "%include /written/by/pre\nnonsense\n%pre --erroronfail\necho hi\n%end\n%post\nx\n%end\n"
	scripts, diags := PreScripts("ks.cfg", []byte(input), Options{})
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	want := []config.Script{{Kind: config.Pre, Body: "echo hi\n", ErrorOnFail: true, Origin: "ks.cfg:3"}}
	if diff := cmp.Diff(want, scripts); diff != "" {
		t.Errorf("scripts (-want +got):\n%s", diff)
	}
}

func TestPasswordsAreHashed(t *testing.T) {
	rand := bytes.NewReader(make([]byte, 128))
	a, diags := Parse("ks.cfg", []byte("rootpw hunter2\nuser --name=u --password=hunter2 --plaintext\nbootloader --password=hunter2\n"), Options{Rand: rand})
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	for _, l := range []config.Login{a.Root, a.Users[0].Login} {
		if !l.Set || !strings.HasPrefix(l.Hash, "$y$j9T$") {
			t.Errorf("got %+v, not a yescrypt hash", l)
		}
	}
	if !strings.HasPrefix(string(a.Boot.Password), "grub.pbkdf2.sha512.10000.") {
		t.Errorf("got %q, not a hash of GRUB's", string(a.Boot.Password))
	}
	for _, line := range []string{"rootpw hunter2", "bootloader --password=hunter2"} {
		_, diags = Parse("ks.cfg", []byte(line), Options{Rand: bytes.NewReader(nil)})
		if err := diags.Err(); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("no randomness gives %v", err)
		}
	}
}

func TestErrIsJoined(t *testing.T) {
	_, diags := Parse("ks.cfg", []byte("foo\nselinux\n"), Options{})
	var d Diagnostic
	if !errors.As(diags.Err(), &d) || d.Pos != (Pos{"ks.cfg", 1}) || d.Kind != Syntax {
		t.Errorf("got %+v", d)
	}
}
