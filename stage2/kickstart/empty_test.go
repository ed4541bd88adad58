package kickstart

import "testing"

// TestNoDisksNamed: an option that names disks and has none is a mistake, since without
// the option every disk is meant.
func TestNoDisksNamed(t *testing.T) {
	for _, line := range []string{"clearpart --all --drives=", "clearpart --all --drives=,", "ignoredisk --only-use=", "ignoredisk --drives="} {
		_, diags := Parse("ks.cfg", []byte(line+"\n"), Options{})
		if len(diags) == 0 || diags[0].Kind == Warning {
			t.Errorf("%s: %v", line, diags)
		}
	}
}
