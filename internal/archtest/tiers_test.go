package archtest

// tiers are the packages by level; a package imports only from levels below
// its own. A name means what is below it too, unless that is named itself.
func tiers() [][]string {
	return [][]string{
		{"internal/devlinks", "internal/kslex", "internal/logpack", "internal/modinfo", "internal/mounts", "internal/spelling", "internal/syslog", "internal/uevent", "media/verity",
			"stage2/words"},
		{"internal/bootargs", "internal/handoff", "internal/ksearly", "loopctl", "media", "initramfs",
			"stage2/event", "stage2/config", "stage2/kickstart", "stage2/machine"},
		{"internal/network", "internal/nfs", "stage1", "stage2/host", "stage2/regional", "stage2/plan/layout", "stage2/plan/firewall"},
		{"stage2/host/hosttest", "stage2/console", "stage2/payload", "stage2/devices", "internal/linuxhost"},
		{"stage2/plan", "stage2/rescue", "stage2/dialog"},
		{"stage2/engine", "stage2/reach", "stage2/tui", "stage2/plain", "stage2/sshd", "stage2/headless"},
		{"stage2"},
		{"cmd", "examples"},
	}
}

// sameTier are the imports within a level that are meant.
func sameTier() map[string][]string {
	return map[string][]string{
		"stage2/kickstart":           {"stage2/config"},                                                       // the language of the answers
		"internal/handoff":           {"media"},                                                               // the record names the build
		"internal/ksearly":           {"media"},                                                               // it spells sources
		"initramfs":                  {"media"},                                                               // it carries the build
		"media/disc":                 {"media", "initramfs"},                                                  // disc 1 carries the initramfs
		"media/fetch":                {"media"},                                                               // it opens the sources
		"stage2/machine/machinetest": {"stage2/machine"},                                                      // the recorded ones, for tests
		"media/mediatest":            {"media/fetch"},                                                         // the suite for its trees
		"stage1":                     {"stage1/modules", "internal/network", "internal/nfs", "stage1/stream"}, // its own parts, and what it shares with stage 2
		"stage2/payload/deb":         {"stage2/payload"},
		"stage2/payload/image":       {"stage2/payload"},
		"cmd/loopctl":                {"cmd/loopctl/internal/cli"}, // its own part
		"loopctl/source":             {"loopctl/failover"},         // it opens what failover reads from
		"loopctl/blockfs":            {"loopctl"},                  // who uses the file
	}
}

// aside stand beside the levels: tools for tests and the commands that use them.
func aside() []string {
	return []string{"internal/vm", "internal/nstest", "internal/golden", "internal/archtest"}
}

// never are pairs that don't know each other, whatever their levels.
func never() [][2]string {
	return [][2]string{{"stage2", "stage1"}, {"stage1", "stage2"}, {"media", "loopctl"}, {"loopctl", "media"},
		// stage 2 runs on what they serve.
		{"stage2", "loopctl/failover"}, {"stage2", "loopctl/source"}, {"stage2", "loopctl/blockfs"}}
}
