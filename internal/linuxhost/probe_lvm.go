package linuxhost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/machine"
)

// toolTime is how long a tool may take that only reads.
const toolTime = 20 * time.Second

var errNoTools = errors.New("what is in it is not known without the tools that made it")

// tool runs a program that only reads and returns what it printed, also with an error.
func (p prober) tool(ctx context.Context, env []string, args ...string) ([]byte, error) {
	if p.tools == nil {
		return nil, errNoTools
	}
	ctx, cancel := context.WithTimeoutCause(ctx, toolTime, fmt.Errorf("no answer after %v", toolTime))
	defer cancel()
	var out bytes.Buffer
	err := p.tools.Run(ctx, host.Command{Args: args, Env: env, Stdout: &out, Line: func(string) {}})
	return out.Bytes(), err
}

// lvmReport is what lvmreport(7) says of one group. All values are text.
type lvmReport struct {
	Group []struct {
		Name    string `json:"vg_name"`
		UUID    string `json:"vg_uuid"`
		Size    string `json:"vg_size"`
		Free    string `json:"vg_free"`
		Extent  string `json:"vg_extent_size"`
		Missing string `json:"vg_missing_pv_count"`
	} `json:"vg"`
	Members []struct {
		Name    string `json:"pv_name"`
		Start   string `json:"pe_start"`
		Missing string `json:"pv_missing"`
	} `json:"pv"`
	Volumes []struct {
		UUID   string `json:"lv_uuid"`
		Name   string `json:"lv_name"`
		Path   string `json:"lv_path"`
		Layout string `json:"lv_layout"`
		Size   string `json:"lv_size"`
		Origin string `json:"origin"`
		Tags   string `json:"lv_tags"` // with commas between them
	} `json:"lv"`
	Segments []lvmSegment `json:"seg"`
}

type lvmSegment struct {
	Volume string `json:"lv_uuid"`
	Kind   string `json:"segtype"`
	Start  string `json:"seg_start"`     // bytes into the volume
	Size   string `json:"seg_size"`      // bytes
	Ranges string `json:"seg_pe_ranges"` // "/dev/sda2:0-9": device and extents
}

// lvmQuiet keeps lvm from asking the device mapper, udev and its own notes of which devices there
// are: lvm.conf(5). With activation off nothing can be activated by accident.
const lvmQuiet = `global{activation=0} devices{obtain_device_list_from_udev=0 external_device_info_source="none"} backup{backup=0 archive=0}`

// groups adds the volume groups. lvm is given the physical volumes that were found, so
// that it opens no other device, and reads without locks.
func (s *stacks) groups(ctx context.Context) {
	var devices []string
	for _, m := range s.of("LVM2_member") {
		devices = append(devices, m.path)
	}
	if len(devices) == 0 {
		return
	}
	slices.Sort(devices)
	out, err := s.p.tool(ctx, []string{"LVM_SUPPRESS_FD_WARNINGS=1"}, "lvm", "fullreport", "--readonly", "--nohints",
		"--reportformat", "json", "--units", "b", "--nosuffix", "--config", lvmQuiet, "--devices", strings.Join(devices, ","))
	var reports struct{ Report []lvmReport }
	if jerr := json.Unmarshal(out, &reports); err == nil && jerr != nil {
		err = fmt.Errorf("lvm printed no report: %w", jerr)
	}
	if err != nil {
		s.cannot("volume groups on "+strings.Join(devices, ", "), err)
	}
	for _, r := range reports.Report {
		if len(r.Group) == 1 && r.Group[0].Name != "" {
			s.group(r)
		}
	}
}

func (s *stacks) group(r lvmReport) {
	g := r.Group[0]
	stack := machine.Stack{Kind: "vg", Name: g.Name, UUID: g.UUID, Size: count(g.Size), Free: count(g.Free), Extent: count(g.Extent), Missing: int(count(g.Missing))}
	for _, m := range r.Members {
		if m.Missing == "" {
			stack.Members = append(stack.Members, m.Name)
		}
	}
	slices.Sort(stack.Members)
	for _, v := range r.Volumes {
		first, kind := r.first(v.UUID), v.Layout
		if first.Kind != "" {
			kind = first.Kind
		}
		volume := machine.Stacked{Name: v.Name, Device: "/dev/" + g.Name + "/" + v.Name, Kind: kind, Size: count(v.Size), Origin: v.Origin}
		if v.Tags != "" {
			volume.Tags = strings.Split(v.Tags, ",")
		}
		content, dir := s.inVolume(volume, first, r)
		volume.FSType, volume.Label, volume.UUID = content.FSType, content.Label, content.UUID
		if dir != "" {
			s.add(piece{volume.Device, dir, volume.Size, content})
		}
		stack.Volumes = append(stack.Volumes, volume)
	}
	s.found = append(s.found, stack)
}

// first is the segment that a volume begins with.
func (r lvmReport) first(volume string) lvmSegment {
	for _, seg := range r.Segments {
		if seg.Volume == volume && seg.Start == "0" {
			return seg
		}
	}
	return lvmSegment{}
}

// inVolume says what is in a logical volume: through its device when it is active
// (dir is that in sysfs then), or in its first segment, when that lies in one piece.
func (s *stacks) inVolume(v machine.Stacked, first lvmSegment, r lvmReport) (content media.Volume, dir string) {
	if dir, ok := s.p.blockDir(v.Device); ok {
		content, err := s.p.volume(v.Device, v.Size)
		if err != nil {
			s.cannot(v.Device, err)
		}
		return content, dir
	}
	device, at, ok := r.place(first)
	if !ok {
		return media.Volume{}, ""
	}
	f, err := os.Open(s.p.path(device))
	if err != nil {
		s.cannot(v.Device, err)
		return media.Volume{}, ""
	}
	defer f.Close()
	size := count(first.Size)
	if size < v.Size { // what is at the end isn't there
		return media.ReadVolume(io.NewSectionReader(f, at, size), 0), ""
	}
	return media.ReadVolume(io.NewSectionReader(f, at, size), size), ""
}

// place is where a linear segment lies.
func (r lvmReport) place(seg lvmSegment) (device string, at int64, ok bool) {
	i := strings.LastIndexByte(seg.Ranges, ':')
	if seg.Kind != "linear" || i < 0 || strings.Contains(seg.Ranges, " ") {
		return "", 0, false
	}
	extent, _, _ := strings.Cut(seg.Ranges[i+1:], "-")
	for _, m := range r.Members {
		if device = seg.Ranges[:i]; m.Name == device && m.Missing == "" {
			return device, count(m.Start) + count(extent)*count(r.Group[0].Extent), true
		}
	}
	return "", 0, false
}

func count(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}
