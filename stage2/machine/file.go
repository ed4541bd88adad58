package machine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// Parse reads a machine from JSON. A field that isn't known is an error.
func Parse(data []byte) (Machine, error) {
	var m Machine
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return Machine{}, fmt.Errorf("parse machine: %w", err)
	}
	return m, nil
}

// Load reads a machine from the file that Save wrote.
func Load(path string) (Machine, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Machine{}, fmt.Errorf("load machine: %w", err)
	}
	m, err := Parse(data)
	if err != nil {
		return Machine{}, fmt.Errorf("load %s: %w", path, err)
	}
	return m, nil
}

// JSON is m as Save writes it, for people too.
func (m Machine) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write machine: %w", err)
	}
	return append(data, '\n'), nil
}

// Save records m at path.
func (m Machine) Save(path string) error {
	data, err := m.JSON()
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("save machine: %w", err)
	}
	return nil
}
