package bootargs

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// compare knows the addresses of net/netip.
func compare(t *testing.T, want, got any) {
	t.Helper()
	equal := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	prefix := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	if diff := cmp.Diff(want, got, equal, prefix); diff != "" {
		t.Error(diff)
	}
}

func TestSplit(t *testing.T) {
	tests := []struct {
		in   string
		want []Param
	}{
		{"", nil},
		{" \t\n", nil},
		{"quiet", []Param{{"quiet", "", false}}},
		{"a=b  c=", []Param{{"a", "b", true}, {"c", "", true}}},
		{`a="b c" d`, []Param{{"a", "b c", true}, {"d", "", false}}},
		{`"a=b c" d`, []Param{{"a", "b c", true}, {"d", "", false}}},
		{`a=x"b c"y`, []Param{{"a", `x"b c"y`, true}}},
		{`a="b c`, []Param{{"a", "b c", true}}},
		{"a=b=c", []Param{{"a", "b=c", true}}},
		{"-- init", []Param{{"--", "", false}, {"init", "", false}}},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) { compare(t, tt.want, Split(tt.in)) })
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		in   string
		want Options
	}{
		{"BOOT_IMAGE=/boot/vmlinuz quiet --- nosmp ks=x", Options{}},
		{"inst.stage2=cdrom:/dev/sr0 inst.repo=cdrom", Options{Stage2: []string{"cdrom:/dev/sr0"}, Repo: []string{"cdrom"}}},
		{"inst.ks=http://a/1 inst.ks=hd:LABEL=x:/ks.cfg inst.ks.sendmac", Options{Kickstart: []string{"http://a/1", "hd:LABEL=x:/ks.cfg"}, SendMAC: true}},
		{"inst.addrepo=a,http://a inst.addrepo=b,http://b", Options{Extra: []Repo{{"a", "http://a"}, {"b", "http://b"}}}},
		{"inst.text inst.cmdline inst.rescue inst.sshd inst.debug inst.noverifyssl rd.live.check",
			Options{Text: true, Cmdline: true, Rescue: true, SSHD: true, Debug: true, NoVerifySSL: true, MediaCheck: true}},
		{"inst.text inst.text=0 inst.debug=1 inst.rescue=off inst.sshd=no", Options{Debug: true}},
		{"inst.onfail=poweroff inst.loglevel=debug", Options{OnFail: OnFailPoweroff, LogLevel: LogDebug}},
		{"inst.lang=de_DE.UTF-8 inst.keymap=de", Options{Lang: "de_DE.UTF-8", Keymap: "de"}},
		{"inst.dd=hd:sda1:/a inst.dd inst.dd=b", Options{DriverDisks: []string{"hd:sda1:/a", "b"}, AskDrivers: true}},
		{"inst.updates=hd:sda1:/u inst.proxy=http://p inst.syslog=log:514 inst.virtiolog=port",
			Options{Updates: "hd:sda1:/u", Proxy: "http://p", Syslog: "log:514", VirtioLog: "port"}},
		{"inst.nosave=logs inst.nosave=input_ks,output_ks", Options{NoSave: []string{"input_ks", "output_ks"}}},
		{"inst.waitfornet=30", Options{WaitForNet: 30 * time.Second}},
		{"console=tty0 console=ttyS0,115200n8 console=", Options{Consoles: []Console{{"tty0", ""}, {"ttyS0", "115200n8"}}}},
		{"BOOTIF=01-52-54-00-AA-bb-cc", Options{BootIF: "52:54:00:aa:bb:cc"}},
		{`inst.text.plain inst.pauseatsummary inst.sshd.password=xyzzy inst.sshd.key="ssh-ed25519 AAAA a" inst.sshd.key="ssh-rsa BBBB"`,
			Options{Plain: true, Summary: true, SSHPassword: "xyzzy", SSHKeys: []string{"ssh-ed25519 AAAA a", "ssh-rsa BBBB"}}},
		{`inst.ks="hd:LABEL=My disk:/ks.cfg"`, Options{Kickstart: []string{"hd:LABEL=My disk:/ks.cfg"}}},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, warnings := Parse(tt.in)
			compare(t, tt.want, got)
			if len(warnings) > 0 {
				t.Errorf("warnings: %v", warnings)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	tests := []struct{ in, want string }{
		{"inst.stag2=cdrom", "did you mean inst.stage2?"},
		{"inst.sk=x", "did you mean inst.ks?"},
		{"inst.kickstart=x", "there is no option inst.kickstart; it is ignored (see"},
		{"inst.repp", "did you mean inst.repo?"},
		{"inst.no-verify-ssl", "did you mean inst.noverifyssl?"},
		{"inst.vnc", "there is no option inst.vnc; it is ignored (see"},
		{"inst.", "there is no option"},
		{"inst.stage2", "needs a value"},
		{"inst.ks=", "needs a value"},
		{"inst.onfail=panic", "poweroff, reboot, shell"},
		{"inst.loglevel=loud", "debug, info"},
		{"inst.addrepo=x", "NAME,URL"},
		{"inst.waitfornet=soon", "seconds"},
		{"inst.waitfornet=-1", "seconds"},
		{"inst.nosave=everything", `"everything" is none of`},
		{"ip=sometimes", `"sometimes" is none of dhcp`},
		{"ip=", "needs a value"},
		{"ip=10.0.0.2::10.0.0.1", "ADDRESS:PEER"},
		{"ip=10.0.0.2::10.0.0.1:255.0.255.0:h:eth0:none", `"255.0.255.0" is no netmask`},
		{"ip=eth0:dhcp:9", "no MTU"},
		{"nameserver=dns.example", "no IP address"},
		{"ifname=eth0", "NAME:MAC"},
		{"vlan=v", "NAME:INTERFACE"},
		{"bond=:a", "NAME[:PORT"},
		{"bridge=br0", "NAME:PORT"},
		{"rd.route=10.0.0.0:10.0.0.1", "NETWORK/BITS"},
		{"BOOTIF=zz", "no MAC"},
		{"inst.sshd.key=ssh-ed25519", "must be a public key"},
		{"inst.sshd.password=", "needs a value"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, warnings := Parse(tt.in)
			if len(warnings) != 1 || !strings.Contains(warnings[0].Problem, tt.want) || !strings.Contains(warnings[0].String(), tt.in) {
				t.Errorf("warnings %v, want one with %q", warnings, tt.want)
			}
			if o := reflect.ValueOf(got); !o.IsZero() {
				t.Errorf("the option has an effect: %+v", got)
			}
		})
	}
}

// TestNoPassword: no warning has what was meant as a password, and no JSON.
func TestNoPassword(t *testing.T) {
	for _, line := range []string{"inst.sshd.password=xyzzy", "inst.sshd.passwort=xyzzy", "inst.ssh.password=xyzzy", `inst.sshd.pw="xyzzy plugh"`} {
		o, warnings := Parse(line)
		data, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprint(warnings, string(data)); strings.Contains(text, "xyzzy") {
			t.Errorf("%s: %s", line, text)
		}
	}
}

func TestUnattended(t *testing.T) {
	for line, want := range map[string]bool{"": false, "inst.text": false, "inst.ks=cdrom:/ks": true, "inst.cmdline": true} {
		if o, _ := Parse(line); o.Unattended() != want {
			t.Errorf("%q: %v", line, !want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range []string{
		"inst.stage2=cdrom:/dev/sr0 quiet", `inst.ks="a b" "x y`, "ip=[2001:db8::1]::[2001:db8::2]:64:h:eth0:none",
		"ip=10.0.0.2/8:::::eth0:off:1.1.1.1:8.8.8.8 BOOTIF=01-52-54-00-aa-bb-cc", "inst.xyzzy inst.wait=1",
		"bond=b:a,b:mode=1:9000 bridge=br:a vlan=v:e ifname=e:52:54:00:aa:bb:cc rd.route=[2001:db8::]/32:[fe80::1]:eth0",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		_, warnings := Parse(line)
		if words := Split(line); len(warnings) > len(words) {
			t.Errorf("%d warnings about %d words", len(warnings), len(words))
		}
		for _, p := range Split(line) {
			if p.Name == "" {
				t.Errorf("a word without a name in %q", line)
			}
		}
	})
}

func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/boot-options.md")
	if err != nil {
		t.Fatal(err)
	}
	rest := string(text)
	for _, o := range options() { // in the same order
		_, after, ok := strings.Cut(rest, "\n| `"+o.name+"` |")
		if !ok {
			t.Errorf("docs/boot-options.md doesn't describe %s at its place", o.name)
			continue
		}
		rest = after
	}
}
