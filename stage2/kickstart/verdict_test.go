package kickstart

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

// verdict is a case of testdata/verdicts.jsonl: inputs, and what pykickstart
// 3.74 wrote when it had read them, with its verdict by the syntax of F45.
type verdict struct {
	Input string `json:"input"`
	Valid bool   `json:"valid"`
}

func verdicts(t testing.TB) []verdict {
	data, err := os.ReadFile("testdata/verdicts.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var all []verdict
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		var v verdict
		if err := json.Unmarshal(s.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// TestVerdicts: what is valid kickstart is a question apart from what this
// installer does, so only syntax errors count.
func TestVerdicts(t *testing.T) {
	all, same := verdicts(t), 0
	for _, v := range all {
		_, diags := Parse("ks.cfg", []byte(v.Input), Options{})
		if syntax := diags.Of(Syntax); (len(syntax) == 0) != v.Valid {
			t.Errorf("valid is %v for %q, got %v", v.Valid, v.Input, syntax)
			continue
		}
		same++
	}
	t.Logf("%d of %d verdicts are the same (%.1f %%)", same, len(all), 100*float64(same)/float64(len(all)))
}
