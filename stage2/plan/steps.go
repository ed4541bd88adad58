package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/machine"
)

// steps puts the plan in order; ../../docs/architecture.md says why it is this
// one. Weights are seconds on a slow machine with a CD drive of 5 MB/s.
func (b *builder) steps() {
	p := &b.plan
	if h := b.Handoff; h.Streamed {
		b.add(checkImage{base{"check-image", "Read the whole installer from " + h.Medium.URL, weight(h.Build.Stage2.Size)}, h.Build.Stage2, handoff.Outside + h.Image})
	}
	b.diskSteps()
	b.snapshotSteps(preInstall)
	b.discSteps()
	if im := b.Selection.Image; im != nil && im.Disc == 0 {
		b.add(fetchImage{base{"fetch-image", "Copy the image " + im.URL + sizeOf(im), weight(im.Size)}, b.Selection})
	}
	b.systemSteps()
	p.Steps = append(p.Steps, b.Extra...)
	b.scripts(config.Post)
	b.snapshotSteps(postInstall)
	if log := b.logs(); len(log.files) > 0 {
		p.Steps = append(p.Steps, log)
		if _, wanted := log.files["plan.json"]; wanted {
			log.files["plan.json"] = b.json() // now that all steps but the last are known
		}
	}
	p.Steps = append(p.Steps, leave{base{"leave", "Write everything out", 5}, b.swapsInUse(), b.targetMounts()})
	b.untagStep()
	for i, s := range b.scriptsOf(config.OnError) {
		p.OnError = append(p.OnError, NewScript(fmt.Sprintf("onerror-%d", i+1), s))
	}
	for i, s := range b.scriptsOf(config.Traceback) {
		p.Traceback = append(p.Traceback, NewScript(fmt.Sprintf("traceback-%d", i+1), s))
	}
}

func (b *builder) add(s Step) { b.plan.Steps = append(b.plan.Steps, s) }

// discSteps shed the first disc and go through the others.
func (b *builder) discSteps() {
	h := b.Handoff
	var mounts []string
	for _, v := range b.plan.volumes() {
		if holdsImage(v) && strings.HasPrefix(v.Mount, "/") {
			mounts = append(mounts, v.Mount)
		}
	}
	b.add(relocate{base{RelocateID, "Copy the installer to the disk and run from there", weight(h.Build.Stage2.Size)},
		h.Build.Stage2, handoff.Outside + h.Image, h.Loop, mounts})
	if f := b.Former; f != nil && f.Mount != "" && f.Images == "" { // nothing more is needed of it
		b.add(release{base{"release-start", "Give " + f.URL + " back", 1}, handoff.Outside + f.Mount, f.Device, b.Answers.End.Eject})
	}
	if h.Medium.Whole || h.Medium.Images != "" {
		b.placeSteps()
		return
	}
	first := max(1, h.Medium.Disc)
	root := handoff.Outside + h.Medium.Mount
	eject := b.Answers.End.Eject
	if slices.Contains(b.plan.Discs, first) {
		b.add(fetchFirst{fetchNext{b.fetchBase(first), first, h.Build.Set, b.Selection, eject}, root, h.Medium.Device})
	}
	b.add(release{base{fmt.Sprintf("release-%d", first), fmt.Sprintf("Give disc %d back", first), 1}, root, h.Medium.Device, eject})
	for _, n := range b.plan.Discs {
		if n != first {
			b.add(fetchNext{b.fetchBase(n), n, h.Build.Set, b.Selection, eject})
		}
	}
}

func (b *builder) fetchBase(n int) base {
	if im := b.Selection.Image; im != nil {
		return base{fmt.Sprintf("fetch-%d", n), fmt.Sprintf("Copy the image %s%s %s disc %d", im.URL, sizeOf(im), b.fromOrOf(), n), weight(im.Size)}
	}
	var size int64
	on := b.Selection.OnDisc(n)
	for _, p := range on {
		size += p.Size
	}
	title := fmt.Sprintf("Copy %d %s (%s) %s disc %d", len(on), machine.Plural(len(on), "package"), machine.Size(size), b.fromOrOf(), n)
	return base{fmt.Sprintf("fetch-%d", n), title, weight(size)}
}

// weight is the seconds it takes to copy size bytes from a CD.
func weight(size int64) int { return 1 + int(size/5_000_000) }

// systemSteps make the target a system that starts by itself.
func (b *builder) systemSteps() {
	a := b.Answers
	b.scripts(config.PreInstall)
	b.add(newBind())
	early := b.plan.storageTables()
	early[keyboardFile] = keyboardText(a.Keyboard)
	b.add(tables{base{"fstab", "Write the table of file systems, and the keyboard", 1}, early})
	b.add(install{b.installBase(), b.unpacked(), a.Firewall.Mode == "enabled"})
	b.add(system{base{"system", "Set host name, language and time zone", 2},
		b.hostname(), cmp.Or(a.Language, "C.UTF-8"), a.Locales, a.Keyboard.Keymap, a.Timezone})
	if len(b.net.Interfaces) > 0 {
		b.add(network{base{"network", "Configure the network", 1}, b.net, b.lacks})
	}
	b.add(accounts{base{"accounts", "Create users and set passwords", 2}, a.Root, a.Groups, a.Users, a.SSHKeys, a.RootSSH})
	b.firewallStep()
	if svc := (services{base{"services", "Switch services on and off", 1}, a.Services, a.Time}); !svc.idle() {
		b.add(svc)
	}
	b.add(finish{b.finishBase(), b.Selection})
	if list := a.Certificates; len(list) > 0 {
		b.add(certificates{base{"certificates", "Install the kickstart's certificates", 5}, list})
	}
	b.add(retable{tables{base{"tables", "Check the tables of file systems", 1}, early}})
	if files := b.Handoff.Drivers; len(files) > 0 {
		b.add(drivers{base{"drivers", "Install the drivers of the driver disk", 60}, files})
	}
	if a.Boot.Location != "none" {
		b.add(b.bootloader())
	}
}

func (b *builder) hostname() string {
	return cmp.Or(b.Answers.Hostname, KnownHostname(b.Handoff), strings.ToLower(b.Handoff.Build.Set.Product), "localhost")
}

// swapsInUse are the swap partitions that the installation itself uses: all of
// them, on a machine with little memory.
func (b *builder) swapsInUse() []string {
	var devices []string
	for _, v := range b.plan.volumes() {
		if v.FSType == "swap" && b.Machine.Memory < 1<<30 {
			devices = append(devices, v.Device)
		}
	}
	return devices
}

func (b *builder) targetMounts() []string {
	var mounts []string
	for _, v := range newMountTarget(b.plan.volumes()).volumes {
		mounts = append(mounts, strings.TrimSuffix(v.Mount, "/"))
	}
	return mounts
}

func (b *builder) scriptsOf(kind config.ScriptKind) []config.Script {
	return slices.DeleteFunc(slices.Clone(b.Answers.Scripts), func(s config.Script) bool { return s.Kind != kind })
}

func (b *builder) scripts(kind config.ScriptKind) {
	for i, s := range b.scriptsOf(kind) {
		b.add(NewScript(fmt.Sprintf("%s-%d", kind, i+1), s))
	}
}

// logs are the files to keep on the target, as far as inst.nosave allows it.
func (b *builder) logs() logs {
	l := logs{base{"logs", "Keep the log on the new system", 1}, map[string][]byte{}}
	no := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(b.NoSave, n) })
	}
	if len(b.Kickstart) > 0 && !no("input_ks", "all_ks", "all") {
		l.files["ks.cfg"] = b.Kickstart
	}
	if !no("output_ks", "all_ks", "all") {
		l.files["installed.ks"] = b.done()
	}
	if !no("logs", "all") {
		l.files["plan.json"] = nil
		if facts, err := b.Machine.JSON(); err == nil {
			l.files["machine.json"] = facts // as it was before: the plan can be made again
		}
	}
	return l
}

// done is what was answered, however that was, as a kickstart.
func (b *builder) done() []byte { return kickstart.Keep(b.Answers) }

func (b *builder) json() []byte {
	data, err := json.MarshalIndent(&b.plan, "", "  ")
	if err != nil {
		return []byte(err.Error() + "\n")
	}
	return append(data, '\n')
}
