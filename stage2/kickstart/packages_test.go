package kickstart

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
)

// TestPackagesLaterLineCounts: so files can take back what those say that they include. The lists are
// what pykickstart has read then.
func TestPackagesLaterLineCounts(t *testing.T) {
	for lines, want := range map[string]config.Software{
		"vim\n-vim":                        {Exclude: []string{"vim"}},
		"-vim\nvim":                        {Packages: []string{"vim"}},
		"-vim\nvim\n-vim":                  {Exclude: []string{"vim"}},
		"vim\nvim":                         {Packages: []string{"vim"}},
		"vim-*\n-vim-nox":                  {Packages: []string{"vim-*"}, Exclude: []string{"vim-nox"}},
		"@tools\n-@tools":                  {Exclude: []string{"@tools"}},
		"-@tools\n@tools":                  {Groups: []string{"tools"}},
		"tools\n@tools\n-tools":            {Groups: []string{"tools"}, Exclude: []string{"tools"}},
		"vim\n%end\n%packages\n-vim\ncurl": {Packages: []string{"curl"}, Exclude: []string{"vim"}},
	} {
		a, diags := Parse("ks.cfg", []byte("%packages\n"+lines+"\n%end\n"), Options{})
		if len(diags.Of(Syntax))+len(diags.Of(Value)) > 0 {
			t.Errorf("%q: %v", lines, diags)
		}
		if d := cmp.Diff(want, a.Software, sameAnswers()); d != "" {
			t.Errorf("%q (-want +got):\n%s", lines, d)
		}
	}
}
