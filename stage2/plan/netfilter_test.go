package plan

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload"
)

func TestNetfilter(t *testing.T) {
	b := &builder{}
	b.Answers.Firewall = config.Firewall{Mode: "enabled", Services: []string{"http"}}
	b.firewallStep()
	s := b.plan.Steps[0]
	w := newWorld()
	if err := s.Run(t.Context(), w.env); err == nil || !strings.Contains(err.Error(), "package nftables") {
		t.Errorf("without nft: %v", err)
	}
	w.AddFile("/target/usr/sbin/nft", "")
	for range 2 { // as another try does
		if err := s.Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
	}
	if rules, _ := w.File("/target/etc/nftables.conf"); !strings.Contains(rules, "tcp dport { 22, 80 } accept") {
		t.Errorf("the rules are\n%s", rules)
	}
	if n := len(w.Called("run in /target: systemctl enable nftables.service")); n != 2 {
		t.Errorf("enabled %d times", n)
	}
}

// TestNftMissing: that an image has no nft is known as soon as it is unpacked.
func TestNftMissing(t *testing.T) {
	for mode, missing := range map[string]bool{"enabled": true, "disabled": false, "": false} {
		b := &builder{}
		b.Selection = &payload.Selection{Image: &payload.Image{}}
		b.Answers.Firewall.Mode, b.Answers.Boot.Location = mode, "none"
		b.systemSteps()
		at := slices.IndexFunc(b.plan.Steps, func(s Step) bool { return s.ID() == "install" })
		w := newWorld()
		w.env.Payload = unpacks{}
		err := b.plan.Steps[at].Run(t.Context(), w.env)
		if missing != (err != nil && strings.Contains(err.Error(), "has no nft")) {
			t.Errorf("firewall %q: %v", mode, err)
		}
		w.AddFile("/target/usr/sbin/nft", "")
		if err := b.plan.Steps[at].Run(t.Context(), w.env); err != nil {
			t.Errorf("firewall %q, with nft: %v", mode, err)
		}
	}
}

type unpacks struct{ payload.Payload }

func (unpacks) Install(context.Context, *payload.Selection, string, payload.Progress) error {
	return nil
}

// TestNetfilterOff: what is installed is switched off, and nothing else is needed.
func TestNetfilterOff(t *testing.T) {
	b := &builder{}
	b.Answers.Firewall = config.Firewall{Mode: "disabled"}
	b.firewallStep()
	w := newWorld()
	w.AddFile("/target/usr/lib/systemd/system/nftables.service", "")
	w.AddFile("/target/lib/systemd/system/ufw.service", "")
	if err := b.plan.Steps[0].Run(t.Context(), w.env); err != nil {
		t.Fatal(err)
	}
	want := []string{"run in /target: systemctl disable nftables.service", "run in /target: systemctl disable ufw.service"}
	if d := cmp.Diff(want, w.Called("run in")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if _, there := w.File("/target/etc/nftables.conf"); there {
		t.Error("rules are written")
	}
}

// TestFirewallAnswers: what can't be meant is said before the first write.
func TestFirewallAnswers(t *testing.T) {
	b := &builder{}
	b.Selection = &payload.Selection{Packages: []payload.Package{{Name: "ufw"}}}
	b.Machine.NICs = []machine.Interface{{Name: "eth1", MAC: "52:54:00:00:00:01"}}
	b.Answers.Firewall = config.Firewall{Mode: "enabled", Services: []string{"htpp"}, Ports: []string{"imap:dccp"}, Removed: []string{"mdns"}, Trusted: []string{"eth1"}}
	b.firewall()
	if len(b.problems) != 2 || len(b.plan.Warnings) != 3 {
		t.Errorf("problems %v, warnings %q", b.problems, b.plan.Warnings)
	}
	if d := cmp.Diff([]string{"nftables"}, ExtraPackages(b.Answers, b.Machine)); d != "" {
		t.Errorf("packages (-want +got):\n%s", d)
	}
	b = &builder{}
	b.Answers.Firewall = config.Firewall{Mode: "disabled", Services: []string{"htpp"}}
	b.firewall()
	b.firewallStep()
	if len(b.problems) > 0 || len(b.plan.Steps) != 1 || len(ExtraPackages(b.Answers, b.Machine)) > 0 {
		t.Errorf("switched off: %v", b.problems)
	}
}
