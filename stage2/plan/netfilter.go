package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/plan/firewall"
)

// netfilter writes the rules of what comes in, or switches off what would load any.
type netfilter struct {
	base
	rules string // nftables.conf; empty switches firewalls off
}

// nftables.service loads the file at each start, before there is a network.
const (
	nftablesFile    = "/etc/nftables.conf"
	nftablesService = "nftables.service"
)

func (s netfilter) Run(ctx context.Context, env *Env) error {
	if s.rules == "" {
		return s.off(ctx, env)
	}
	if err := needNft(env); err != nil {
		return err
	}
	if err := env.Host.WriteFile(Target+nftablesFile, []byte(s.rules), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", nftablesFile, err)
	}
	if err := inTarget(ctx, env, "systemctl", "enable", nftablesService); err != nil {
		return fmt.Errorf("have the firewall set up at each start: %w", err)
	}
	return nil
}

// needNft looks for what loads the rules.
func needNft(env *Env) error {
	if !hasProgram(env, "nft") {
		return errors.New("set up the firewall: the new system has no nft; the package nftables brings it, which an image must have in it")
	}
	return nil
}

// off disables every firewall that is installed.
func (s netfilter) off(ctx context.Context, env *Env) error {
	for _, unit := range []string{nftablesService, "firewalld.service", "ufw.service", "netfilter-persistent.service"} {
		if !hasUnit(env, unit) {
			continue
		}
		if err := inTarget(ctx, env, "systemctl", "disable", unit); err != nil {
			return fmt.Errorf("switch the firewall %s off: %w", unit, err)
		}
	}
	return nil
}

// firewall checks what the answers say of it.
func (b *builder) firewall() {
	f := b.Answers.Firewall
	if f.Mode != "enabled" {
		return
	}
	_, wrong, idle := firewall.Ruleset(f)
	for _, text := range wrong {
		b.problems.Add(NotSupported, "firewall", "%s", text)
	}
	for _, text := range idle {
		b.plan.Warnings = append(b.plan.Warnings, "firewall "+text)
	}
	for _, name := range []string{"firewalld", "ufw", "iptables-persistent"} {
		if slices.ContainsFunc(b.Selection.Packages, func(p payload.Package) bool { return p.Name == name }) {
			b.plan.Warnings = append(b.plan.Warnings, "firewall --enabled writes rules for nftables, and "+name+" has some of its own: what either of them drops doesn't come in")
		}
	}
	b.trusted()
}

// trusted warns of an interface that has no other name than the installer's kernel gave it.
func (b *builder) trusted() {
	for _, name := range b.Answers.Firewall.Trusted {
		for _, nic := range b.Machine.NICs {
			if nic.Name == name && nic.MAC != "" {
				b.plan.Warnings = append(b.plan.Warnings, "firewall --trust="+name+" is about an interface of that name in the new system, which may call it otherwise than the installer does")
			}
		}
	}
}

// firewallStep is the step, where the answers say anything.
func (b *builder) firewallStep() {
	switch f := b.Answers.Firewall; f.Mode {
	case "enabled":
		rules, _, _ := firewall.Ruleset(f)
		b.add(netfilter{base{"firewall", "Set up the firewall", 1}, rules})
	case "disabled":
		b.add(netfilter{base{"firewall", "Switch the firewall off", 1}, ""})
	}
}
