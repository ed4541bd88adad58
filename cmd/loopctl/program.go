package main

import (
	"runtime/debug"

	"github.com/molt-installer/molt/cmd/loopctl/internal/cli"
)

// manualDate is when what the manual page says last changed.
const manualDate = "2026-11-22"

// program is the table that the command line is parsed by and that help, manual
// page and completions are written from.
func program() cli.Program {
	return cli.Program{
		Name:    "loopctl",
		Summary: "manage loop devices, and switch the file under one while it is in use",
		Version: version(),
		Date:    manualDate,
		About: `loopctl attaches, lists and detaches loop devices as losetup(8) does, and replaces the file under a read-only one while ` +
			`it is mounted and in use (LOOP_CHANGE_FD), after proving that the new file has the same content. Options and columns ` +
			`have losetup's names where they mean the same.`,
		Commands: []cli.Command{
			attachCommand(), listCommand(), infoCommand(), switchCommand(), toMemoryCommand(),
			watchCommand(), serveCommand(), detachCommand(), holdersCommand(),
		},
		Notes:    notes(),
		Examples: examples(),
		Statuses: meanings(),
		SeeAlso:  []string{"losetup(8)", "mount(8)", "loop(4)"},
	}
}

// version is the module's, as the Go toolchain has noted it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func notes() []cli.Note {
	return []cli.Note{
		{Title: "arguments", Brief: true, Text: "DEVICE is /dev/loop3, loop3 or 3. BYTES and the like may end in K, M, G, T, P or E (powers of 1024, " +
			"also as KiB) or in KB, MB, ... (powers of 1000). TIME is like 500ms, 2s or 1m30s."},
		{Title: "output", Text: `Results go to standard output, what is being done and what is wrong to standard error. On a terminal ` +
			`a bar shows how far it has come; elsewhere each stage is one line.

With --json a command prints one JSON object; "serve" prints one in each line, as things happen. Times in it are nanoseconds, sizes bytes. ` +
			`"list" has the names that losetup --json uses; "info", "attach" and the reports of a switch have those of the Go package.`},
		{Title: "columns", Text: "These are the columns of \"list\", and the names in its JSON in small letters:\n\n" + columnsText()},
		{Title: "switching", Text: `The kernel replaces the file under a read-only loop device without looking at the content, and since Linux 6.6 shuts an ext4, ` +
			`XFS or F2FS down that is mounted from it. So "switch" looks first: type and size of the new file, the file system, requests that are ` +
			`stuck. It writes the new file out, compares it with the device byte by byte (or with a digest), switches, and reads everything ` +
			`back through the device. If what is read back is wrong it restores the old file.

The switch waits for the reads under way, which the kernel answers one after another. If the old file never answers, the kernel waits for ever: ` +
			`--timeout, or Ctrl-C, gives up waiting, and says that the switch is pending. It may yet take effect. If the old file fails at once, because its server ` +
			`is dead, --rescue with --digest doesn't need it.

What lies below the device while it switches can't fail over: for that, put "serve" between the sources and the device from the beginning.`},
		{Title: "files", Text: "  /dev/loopN, /dev/loop-control, /sys/block/loopN\n  /dev/fuse           for \"serve\"\n  /run/loopctl-*      where \"serve\" mounts, unless told otherwise"},
		{Title: "environment", Text: "NOTIFY_SOCKET: \"serve\" tells systemd when it is ready and when it stops (sd_notify(3), Type=notify)."},
	}
}

func examples() []cli.Example {
	return []cli.Example{
		{Line: "loopctl attach --read-only image.squashfs", About: "Bind an image to a free loop device and print its name."},
		{Line: "loopctl switch loop0 /mnt/copy.squashfs", About: "Go on from a copy, so that the medium of the first can be taken out."},
		{Line: "loopctl watch --copy loop0 /mnt/copy.squashfs", About: "Make the copy as well, and move there when it is whole."},
		{Line: "loopctl to-memory loop0", About: "Go on from memory."},
		{Line: "loopctl serve --attach /media/cdrom/image https://mirror.example/image", About: "Read from the disc, and from the mirror when the disc hangs or fails."},
		{Line: "loopctl holders /media/cdrom", About: "Name what keeps a medium busy."},
	}
}
