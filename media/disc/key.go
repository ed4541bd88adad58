package disc

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// keyTime is when every build key claims to be made: before any
// SOURCE_DATE_EPOCH, so that no signature is older than its key.
const keyTime = 1704067200 // 2024-01-01

// buildKey signs the Release files of all sets that are built here.
type buildKey struct {
	entity *openpgp.Entity
	date   time.Time // of signatures
}

// loadKey reads the build key below dir, and makes one on first use.
func loadKey(dir string, date time.Time) (*buildKey, error) {
	path := filepath.Join(dir, "secret.asc")
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if data, err = newKey(); err == nil {
			err = saveKey(path, data)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("get the build key: %w", err)
	}
	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(data))
	if err != nil || len(ring) != 1 {
		return nil, fmt.Errorf("read the build key %s (%d keys in it): %w", path, len(ring), err)
	}
	return &buildKey{entity: ring[0], date: date}, nil
}

func saveKey(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// newKey makes an Ed25519 key in the old packet format (RFC 4880bis), the one
// that both gpgv of Debian 12 and sqv of Debian 13 read.
func newKey() ([]byte, error) {
	made := func() time.Time { return time.Unix(keyTime, 0) }
	e, err := openpgp.NewEntity("molt build key", "signs disc sets", "", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, DefaultHash: crypto.SHA512, Time: made,
	})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w, err := armor.Encode(&out, openpgp.PrivateKeyType, nil)
	if err != nil {
		return nil, err
	}
	e.Subkeys = nil // for encryption: nothing here needs it
	if err := e.SerializePrivateWithoutSigning(w, nil); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

// public is the armored public key.
func (k *buildKey) public() (string, error) {
	var out bytes.Buffer
	w, err := armor.Encode(&out, openpgp.PublicKeyType, nil)
	if err != nil {
		return "", fmt.Errorf("export the build key: %w", err)
	}
	if err := errors.Join(k.entity.Serialize(w), w.Close()); err != nil {
		return "", fmt.Errorf("export the build key: %w", err)
	}
	return out.String() + "\n", nil
}

// config makes signatures the same each time: no salt in them, a fixed date.
func (k *buildKey) config() *packet.Config {
	salted := false
	return &packet.Config{
		DefaultHash: crypto.SHA512, Time: func() time.Time { return k.date },
		NonDeterministicSignaturesViaNotation: &salted,
	}
}

// clearsign wraps text in a signature, as InRelease has it.
func (k *buildKey) clearsign(text []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := clearsign.Encode(&out, k.entity.PrivateKey, k.config())
	if err != nil {
		return nil, fmt.Errorf("sign a Release: %w", err)
	}
	if _, err := io.Copy(w, bytes.NewReader(text)); err != nil {
		return nil, fmt.Errorf("sign a Release: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("sign a Release: %w", err)
	}
	return append(out.Bytes(), '\n'), nil
}

// detach is the signature alone, as Release.gpg has it.
func (k *buildKey) detach(text []byte) ([]byte, error) {
	var out bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&out, k.entity, bytes.NewReader(text), k.config()); err != nil {
		return nil, fmt.Errorf("sign a Release: %w", err)
	}
	return append(out.Bytes(), '\n'), nil
}
