package plan

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/golden"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/config"
)

// recorded reads what stage 1 brought up, testdata/network/NAME.json.
func recorded(t *testing.T, name string) handoff.Network {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "network", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var n handoff.Network
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	if err := d.Decode(&n); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// taken is what the new system gets of it, and the plan that says so.
func taken(t *testing.T, name string) (netConfig, *Plan) {
	t.Helper()
	n := recorded(t, name)
	b := &builder{Input: Input{Handoff: handoff.Record{Network: &n}}}
	b.network()
	return b.net, &b.plan
}

func allRecords(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/network/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no records: %v", err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".json")
	}
	return files
}

// written is every file that the step writes on a target with these programs,
// and its warnings.
func written(t *testing.T, n netConfig, programs ...string) string {
	t.Helper()
	w := newWorld()
	for _, p := range programs {
		w.AddFile(Target+p, "")
	}
	for range 2 { // the second time changes nothing
		if err := (network{net: n}).Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
	}
	var b strings.Builder
	for _, line := range slices.Compact(slices.Sorted(slices.Values(w.told))) {
		b.WriteString(line + "\n")
	}
	for _, path := range w.Names(Target + "/etc") {
		text, is := w.File(path)
		if !is {
			continue
		}
		info, err := w.Stat(path)
		if err != nil || info.IsDir() {
			continue
		}
		mode := ""
		if info.Mode().Perm() != 0o644 {
			mode = fmt.Sprintf(" (%04o)", info.Mode().Perm())
		}
		fmt.Fprintf(&b, "--- %s%s\n%s", path, mode, text)
	}
	return b.String()
}

// Programs of targets.
const (
	targetIfup     = "/usr/sbin/ifup"
	targetDhcpcd   = "/usr/sbin/dhcpcd"
	targetDhclient = "/usr/sbin/dhclient"
	targetNetworkd = "/usr/lib/systemd/systemd-networkd"
	targetManager  = "/usr/sbin/NetworkManager"
)

func TestBroughtUpGolden(t *testing.T) {
	for _, name := range allRecords(t) {
		t.Run(name, func(t *testing.T) {
			n, p := taken(t, name)
			got := fmt.Sprintf("host name %q\n", KnownHostname(handoff.Record{Network: ptr(recorded(t, name))}))
			got += onAllTargets(t, n, p)
			golden.Check(t, filepath.Join("testdata", "network", name+".txt"), got)
			if strings.Contains(got, "reboot") {
				t.Error("what a server says is written as it is")
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

// onAllTargets is what is planned, and written for each kind of target.
func onAllTargets(t *testing.T, n netConfig, p *Plan) string {
	t.Helper()
	got := strings.Join(append(p.Network, p.Warnings...), "\n") + "\n"
	got += "\n=== systemd-networkd\n" + written(t, n, targetNetworkd)
	got += "\n=== NetworkManager\n" + written(t, n, targetManager, targetIfup, targetNetworkd)
	got += "\n=== ifupdown with dhcpcd\n" + written(t, n, targetIfup, targetDhcpcd, targetNetworkd)
	got += "\n=== ifupdown with dhclient\n" + written(t, n, targetIfup, targetDhclient)
	lacks, _, _ := strings.Cut(written(t, n, targetIfup), "---")
	return got + "\n=== ifupdown with no client\n" + lacks
}

// TestAnswersComeFirst: what stage 1 brought up counts only where the answers
// name no network; of its host name each is decided apart.
func TestAnswersComeFirst(t *testing.T) {
	n := recorded(t, "dhcp")
	for name, tt := range map[string]struct {
		answers config.Answers
		net     *handoff.Network
		kept    int
		host    string
	}{
		"nothing answered":  {net: &n, kept: 1, host: "fox.example.org"},
		"a name":            {answers: config.Answers{Hostname: "owl"}, net: &n, kept: 1, host: "owl"},
		"a network":         {answers: config.Answers{Network: []config.Network{{Method: "static", Address: "192.0.2.5/24"}}}, net: &n, kept: 1, host: "fox.example.org"},
		"none brought up":   {host: "localhost"},
		"nothing worked":    {net: &handoff.Network{Interfaces: []handoff.Interface{{Name: "eth0", IPv4: "dhcp"}}}, host: "localhost"},
		"a name that isn't": {net: &handoff.Network{Interfaces: []handoff.Interface{{Name: "eth0;x", Usable: true}}}, host: "localhost"},
	} {
		b := &builder{Input: Input{Answers: tt.answers, Handoff: handoff.Record{Network: tt.net}}}
		b.network()
		if len(b.net.Interfaces) != tt.kept || len(b.plan.Network) != tt.kept || b.hostname() != tt.host {
			t.Errorf("%s: %d interfaces, %q, host name %s", name, len(b.net.Interfaces), b.plan.Network, b.hostname())
		}
		if answered := len(tt.answers.Network) > 0; tt.kept > 0 && b.net.Interfaces[0].Any != answered {
			t.Errorf("%s: %+v", name, b.net.Interfaces)
		}
	}
}

// TestNoNetworkSoftware: a target that can't be configured is told of.
func TestNoNetworkSoftware(t *testing.T) {
	n, _ := taken(t, "dhcp")
	if got := written(t, n); got != "warning: "+noNetwork+"\n" {
		t.Errorf("written: %s", got)
	}
}

// TestBondOptions: numbers become words, and what systemd has no word for is told.
func TestBondOptions(t *testing.T) {
	options := bondOptions([]string{"lacp_rate=1", "xmit_hash_policy=2", "num_unsol_na=3", "updelay=200", "lp_interval=5", "arp_missed_max=2", "mode=4", "bad=$(x)"})
	if diff := cmp.Diff([]string{"mode=802.3ad", "lacp_rate=fast", "xmit_hash_policy=layer2+3", "num_grat_arp=3", "updelay=200", "lp_interval=5", "arp_missed_max=2"}, options); diff != "" {
		t.Error(diff)
	}
	text, lacks := bondSection(options)
	want := "\n[Bond]\nMode=802.3ad\nLACPTransmitRate=fast\nTransmitHashPolicy=layer2+3\nGratuitousARP=3\nUpDelaySec=200ms\nLearnPacketIntervalSec=5s\n"
	if diff := cmp.Diff(want, text); diff != "" || !slices.Equal(lacks, []string{"arp_missed_max=2"}) {
		t.Errorf("%s lacks %v", diff, lacks)
	}
	if got := bondWords(options); got != "mode 802.3ad lacp_rate fast xmit_hash_policy layer2+3 num_grat_arp 3 updelay 200 lp_interval 5 arp_missed_max 2" {
		t.Errorf("ip-link(8): %s", got)
	}
}
