package layout

import (
	"testing"

	"github.com/molt-installer/molt/stage2/config"
)

func TestSwap(t *testing.T) {
	for _, tt := range []struct {
		memory                   int64
		recommended, hibernation bool
		want                     int64
	}{
		{4 * gib, true, false, 4096},
		{gib / 2, true, false, 1024},
		{4 * gib, false, true, 8192},
		{100 * gib, false, true, 104 * 1024},
		{4 * gib, false, false, 0},
	} {
		m := &maker{}
		m.Machine.Memory = tt.memory
		if got := m.swapWanted(tt.recommended, tt.hibernation, 1000*gib); got != tt.want {
			t.Errorf("%+v: %d MiB", tt, got)
		}
	}
}

func TestArraySize(t *testing.T) {
	const disk = 100*gib + 102*mib // of which md is taken to keep 102 MiB for itself
	for _, tt := range []struct {
		level   string
		members []int64
		want    int64
	}{
		{"0", []int64{disk, 2 * disk}, 100*gib + 2*disk - 129*mib},
		{"linear", []int64{disk, disk}, 200 * gib},
		{"1", []int64{disk, disk, 2 * disk}, 100 * gib},
		{"4", []int64{disk, disk, disk}, 200 * gib},
		{"5", []int64{disk, disk, disk, disk}, 300 * gib},
		{"6", []int64{disk, disk, disk, disk}, 200 * gib},
		{"10", []int64{disk, disk, disk, disk}, 200 * gib},
		{"10", []int64{disk, disk, disk}, 150 * gib},
		{"7", []int64{disk, disk}, 0},
		{"5", nil, 0},
	} {
		if got := arraySize(tt.level, "1.2", 0, tt.members); got != tt.want {
			t.Errorf("level %s of %d: %d MiB, want %d", tt.level, len(tt.members), got/mib, tt.want/mib)
		}
	}
	if got := arraySize("5", "1.2", 64<<10, []int64{1000 * mib, 1000 * mib, 1000 * mib}); got != 2*960*mib {
		t.Errorf("with chunks of 64 MiB: %d", got/mib)
	}
	if got := arraySize("1", "1.0", 64<<10, []int64{512 * mib, 512 * mib}); got != 511*mib {
		t.Errorf("metadata at the end: %d", got)
	}
}

// TestArrayOverhead holds the estimate against what mdadm 4.4 takes (super1.c): it must
// never be less, or what is planned on an array doesn't fit.
func TestArrayOverhead(t *testing.T) {
	for member := int64(64 * mib); member < 20000*gib; member += member/7 + mib {
		sectors := member / 512
		bitmap := int64(8)
		if sectors-8 > 8<<21 {
			bitmap = 128
		}
		if sectors-128 >= 200<<21 {
			bitmap = 256
		}
		headroom := int64(128 * 1024 * 2)
		for headroom<<10 > sectors-bitmap {
			headroom /= 2
		}
		real := (24 + bitmap + headroom + 2047) / 2048 * mib
		if got := arrayOverhead(member, "1.2"); got < real {
			t.Errorf("a member of %d MiB: %d MiB, and mdadm takes %d", member/mib, got/mib, real/mib)
		}
	}
}

func TestGrow(t *testing.T) {
	for name, tt := range map[string]struct {
		room            int64
		bases, max, got []int64
	}{
		"in proportion":      {90, []int64{10, 20}, []int64{0, 0}, []int64{40, 80}},
		"up to the maximum":  {100, []int64{10, 10}, []int64{20, 0}, []int64{20, 100}},
		"all are full":       {100, []int64{10, 10}, []int64{12, 13}, []int64{12, 13}},
		"less than one each": {2, []int64{10, 10, 10}, []int64{0, 0, 0}, []int64{11, 11, 10}},
		"none":               {0, []int64{10}, []int64{0}, []int64{10}},
		"less than nothing":  {-5, []int64{10}, []int64{0}, []int64{10}},
		"from nothing":       {10, []int64{0, 0}, []int64{0, 0}, []int64{5, 5}},
		"large":              {1 << 44, []int64{1 << 43, 1 << 43}, []int64{0, 0}, []int64{1 << 44, 1 << 44}},
	} {
		got := append([]int64(nil), tt.bases...)
		var all []grower
		for i := range got {
			all = append(all, grower{tt.bases[i], tt.max[i], &got[i]})
		}
		grow(tt.room, all)
		for i := range got {
			if got[i] != tt.got[i] {
				t.Errorf("%s: %v, want %v", name, got, tt.got)
				break
			}
		}
	}
}

func TestBtrfsSize(t *testing.T) {
	for _, tt := range []struct {
		profile string
		members []int64
		want    int64
	}{
		{"", []int64{3 * gib, gib}, 4 * gib},
		{"raid1", []int64{3 * gib, gib}, gib},
		{"raid1", []int64{3 * gib, 2 * gib, 2 * gib}, 7 * gib / 2},
		{"raid1c3", []int64{3 * gib, 3 * gib, 3 * gib}, 3 * gib},
		{"raid5", []int64{gib, gib, gib}, 2 * gib},
		{"raid6", []int64{gib, gib, gib}, gib},
		{"dup", []int64{gib}, gib / 2},
	} {
		if got := btrfsSize(tt.profile, tt.members); got != tt.want {
			t.Errorf("%s of %v: %d", tt.profile, tt.members, got)
		}
	}
}

// TestPoolMetadata: 64 bytes a chunk, and not much more than 128 MiB of them.
func TestPoolMetadata(t *testing.T) {
	for _, tt := range []struct {
		size        int64 // GiB
		chunk, meta int64 // KiB, MiB
		lv          config.Logical
	}{
		{1, 64, 4, config.Logical{}},
		{20, 64, 20, config.Logical{}},
		{1000, 512, 128, config.Logical{}},
		{1000, 128, 500, config.Logical{ChunkKiB: 128}},
		{1000, 512, 1000, config.Logical{MetadataMiB: 1000}},
	} {
		lv := &logical{Logical: tt.lv}
		lv.measure(&group{unit: 4 * mib}, tt.size*256)
		if lv.chunk != tt.chunk<<10 || lv.meta != tt.meta*mib || lv.extra*4 != 2*tt.meta {
			t.Errorf("%d GiB: chunk %d KiB, metadata %d MiB, beside it %d extents", tt.size, lv.chunk>>10, lv.meta/mib, lv.extra)
		}
	}
}
