package kickstart

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// FuzzLines makes files of the language's own tables, line by line, keeps the
// lines that fit those before, and checks that what was understood is the same
// after being written. Bytes at random hardly ever make an option of logvol.
func FuzzLines(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		file := ""
		for range 25 {
			longer := file + randomLine(r) + "\n"
			if _, diags := Parse("ks.cfg", []byte(longer), Options{}); diags.Err() == nil {
				file = longer
			}
		}
		a, _ := Parse("ks.cfg", []byte(file), Options{})
		roundTrip(t, a)
	})
}

// TestLinesReach: with the lines of FuzzLines, every option that is done is in
// some file without errors.
func TestLinesReach(t *testing.T) {
	const before = "part pv.9 --size=9\npart raid.8 --size=9\npart raid.9 --size=9\npart btrfs.9 --size=9\n" +
		"volgroup vg9 --useexisting\nlogvol none --vgname=vg9 --name=pool --thinpool --size=9\n"
	r := rand.New(rand.NewPCG(1, 1))
	reach := func(cmd *command, o option) bool {
		for range 4000 {
			file := randomCall(r, cmd, o.names[0]) + "\n"
			if !slices.Contains(cmd.excludes, "part") {
				file = before + file
			}
			if _, diags := Parse("ks.cfg", []byte(file), Options{}); diags.Err() == nil {
				return true
			}
		}
		return false
	}
	for _, cmd := range doneCommands() {
		for _, o := range cmd.options {
			if o.fate == used && o.names[0] != "escrowcert" && !reach(cmd, o) {
				t.Errorf("no line with --%s of %s is without errors", o.names[0], cmd.names[0])
			}
		}
	}
}

// doneCommands are those that become answers.
func doneCommands() []*command {
	var all []*command
	for _, name := range slices.Sorted(maps.Keys(theLanguage())) {
		if c := theLanguage()[name]; c.fate == used && name == c.names[0] {
			all = append(all, c)
		}
	}
	return all
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

// randomLine is a command with some of its options; those that may be repeated
// come more often.
func randomLine(r *rand.Rand) string {
	var commands []*command
	for _, c := range doneCommands() {
		commands = append(commands, c)
		if c.repeats {
			commands = append(commands, c, c, c)
		}
	}
	return randomCall(r, commands[r.IntN(len(commands))], "")
}

// randomCall has the option must among others.
func randomCall(r *rand.Rand, cmd *command, must string) string {
	line := []string{cmd.names[0]}
	chance := []float64{0.02, 0.1, 0.3}[r.IntN(3)]
	often := []string{"size", "level", "encrypted", "thin", "bondslaves"}
	switch must {
	case "chunksize", "metadatasize":
		often = []string{"size", "level", "thinpool"}
	case "cachemode":
		often = []string{"size", "cachesize", "cachepvs"}
	}
	for _, o := range cmd.options {
		name := o.names[0]
		if o.required || name == must || r.Float64() < chance || slices.Contains(often, name) && r.IntN(2) == 0 {
			line = append(line, randomOption(r, o))
		}
	}
	for range cmd.min + r.IntN(3) {
		line = append(line, randomArgument(r, cmd))
	}
	return strings.Join(line, " ")
}

func randomOption(r *rand.Rand, o option) string {
	name := "--" + o.names[r.IntN(len(o.names))]
	switch {
	case o.kind == flagValue || o.kind == optionalValue && r.IntN(2) == 0:
		return name
	case o.choices != nil:
		return name + "=" + pick(r, o.choices...)
	case o.kind == intValue:
		return name + "=" + pick(r, "1", "4", "64", "128", "1024", "4096", strconv.Itoa(r.IntN(100000)))
	case o.kind == boolValue:
		return name + "=" + pick(r, "on", "off")
	}
	return name + "=" + quote(randomValue(r, o.names[0]))
}

// randomValue is one that the option could be meant to have, or nearly.
func randomValue(r *rand.Rand, option string) string {
	special := map[string][]string{
		"vgname": {"vg9", "vg1"}, "poolname": {"pool", "x"}, "name": {"a", "b", "pool", "root", "x-y.z"}, "device": {"md0", "md1", "ens3", "bond0", "link"},
		"level": {"0", "RAID1", "5", "10", "linear"}, "data": {"raid0", "1", "single"}, "metadata": {"single", "RAID0"},
		"luks-version": {"luks1", "luks2"}, "pbkdf": {"pbkdf2", "argon2id"}, "fstype": {"ext4", "xfs", "none"}, "disklabel": {"gpt", "msdos"},
		"ip": {"192.0.2.5"}, "netmask": {"255.255.255.0"}, "gateway": {"192.0.2.1"}, "ipv6": {"auto", "dhcp", "2001:db8::1", "2001:db8::1/56"},
		"ipv6gateway": {"fe80::1"}, "nameserver": {"192.0.2.53", "192.0.2.53,2001:db8::53"}, "vlanid": {"5", "4094"},
		"bondslaves": {"ens4,ens5", "ens6"}, "bridgeslaves": {"ens7", "bond0"}, "interfacename": {"vlan5"},
		"bondopts":   {"mode=1", "mode=active-backup;arp_ip_target=192.0.2.1,192.0.2.2", "a=b,c=d"},
		"bridgeopts": {"stp=off", "stp=on,priority=5"}, "port": {"22:tcp", "imap", "5-9:UDP", "514"},
		"url": {"http://example.com/x", "nfs://h/x"}, "baseurl": {"http://example.com/x"}, "proxy": {"http://proxy:3128", "proxy:3128"},
		"boot-drive": {"sda"}, "source": {"http://example.com/dd.img"}, "checksum": {strings.Repeat("aB", 32)}, "shell": {"/bin/sh"}, "homedir": {"/home/x y"},
		"password": {"hunter2", "$6$x$y", Unhashed, "grub.pbkdf2.sha512.10000.AA.BB"}, "groups": {"a,b", "sudo,ops(2000)"},
		"cachepvs": {"pv.9"}, "fsprofile": {"news"}, "fsoptions": {"ro", "noatime,discard"}, "mountoptions": {"ro"}, "reformat": {"xfs", "ext4"},
		"addsupport": {"de_DE", "C,en_US"}, "vckeymap": {"us", "de-nodeadkeys"}, "xlayouts": {"us", "de (nodeadkeys),us"}, "switch": {"grp:alt_shift_toggle"},
		"ntpservers": {"a.example,b.example"}, "ntp-server": {"h"}, "ntp-pool": {"h"}, "host": {"h"}, "dir": {"/x y"}, "username": {"root"},
		"ipv4-dns-search": {"a,b"}, "ipv6-dns-search": {"b.c"}, "trust": {"ens3,ens4"}, "service": {"ssh", "https,dns"}, "remove-service": {"mdns"},
		"enabled": {"ssh,cron"}, "disabled": {"x@y"}, "server": {"192.0.2.9"},
	}
	if values := special[option]; values != nil && r.IntN(10) > 0 {
		return pick(r, values...)
	}
	return pick(r, "sda", "/dev/sda1", "UUID=12-34", "a b", `x"y\z`, "ä#", "a,b", "-x", "dev/disk/by-id/usb-*", "")
}

func randomArgument(r *rand.Rand, cmd *command) string {
	name := cmd.names[0]
	switch {
	case name == "timezone":
		return pick(r, "UTC", "Europe/Berlin")
	case name == "mount":
		return pick(r, "/dev/sda1", "UUID=0", "/", "/home", "swap", "none", "sda9")
	case name == "snapshot":
		return pick(r, "vg9/root", "vg1/a")
	case name == "lang":
		return pick(r, "en_US", "de_DE.UTF-8@x", "C")
	case name == "sshkey":
		return `"ssh-ed25519 AAAA x"`
	case name == "volgroup":
		return pick(r, "vg1", "vg2", "pv.9", "pv.1", "pv.2")
	case name == "logvol":
		return pick(r, "/", "/home", "swap", "none")
	case name == "rootpw":
		return pick(r, "$6$x$y", "S3cr3t")
	}
	return pick(r, "/", "/home", "/srv", "/boot/efi", "/a b/../c", "swap", "none", "biosboot", "pv.1", "pv.2", "raid.1", "raid.2", "btrfs.1",
		"raid.8", "raid.9", "btrfs.9", "LABEL=x", "us", "UTC", "http://example.com/u", "/dev/sdb1")
}
