package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/inflio/persona/internal/embedded/folder"
)

// secretsName is the file with the secrets of a data folder: one NAME=value a line.
const secretsName = "secrets.env"

// secrets are generated once for a data folder.
type secrets struct {
	KeyURL      string // wraps the data keys: without it no stored data can be read
	AppPassword string // the password of the app's role in the database
	FalKey      string // the key that the local trainer accepts
	IDKey       string // the key of the user ids: with another one users do not find their data
}

// fields maps each variable of the file to its field.
func (s *secrets) fields() map[string]*string {
	return map[string]*string{
		"PERSONA_KEY_URL": &s.KeyURL, "PERSONA_APP_PASSWORD": &s.AppPassword, "FAL_KEY": &s.FalKey, idKeyName: &s.IDKey,
	}
}

const idKeyName = "PERSONA_ID_KEY"

// newKey returns 32 random bytes in base64.
func newKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return base64.URLEncoding.EncodeToString(key)
}

// loadSecrets reads the secrets of the data folder, or generates them when it is new.
func loadSecrets(dir string) (secrets, error) {
	var s secrets
	path := filepath.Join(dir, secretsName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s.create(dir, path)
	}
	if err != nil {
		return s, fmt.Errorf("the data folder %s cannot be used: %w", dir, err)
	}
	fields := s.fields()
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && fields[name] != nil {
			*fields[name] = value
		}
	}
	for name, value := range fields {
		if *value == "" && name != idKeyName {
			return s, fmt.Errorf("the data folder %s is damaged (%s lacks %s): restore the file, or delete the folder to start with an empty one", dir, secretsName, name)
		}
	}
	if s.IDKey != "" {
		return s, nil
	}
	// A data folder of a version that made user ids without a key. What it holds belongs to ids of that version.
	s.IDKey = newKey()
	text = fmt.Appendf(bytes.TrimRight(text, "\n"), "\n%s=%s\n", idKeyName, s.IDKey)
	if err := folder.WriteFile(path, text); err != nil {
		return s, fmt.Errorf("the data folder %s cannot be used: %w", dir, err)
	}
	return s, nil
}

func (s secrets) create(dir, path string) (secrets, error) {
	if _, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
		return s, fmt.Errorf("the data folder %s is damaged (%s, without which its data cannot be read, is missing): restore the file, or delete the folder to start with an empty one", dir, secretsName)
	}
	s = secrets{
		KeyURL:      "base64key://" + newKey(),
		AppPassword: rand.Text(),
		FalKey:      "local:" + rand.Text(),
		IDKey:       newKey(),
	}
	text := fmt.Sprintf("# Generated once. Without PERSONA_KEY_URL no data in this folder can be read; with another PERSONA_ID_KEY users do not find theirs.\n"+
		"PERSONA_KEY_URL=%s\nPERSONA_APP_PASSWORD=%s\nFAL_KEY=%s\n%s=%s\n", s.KeyURL, s.AppPassword, s.FalKey, idKeyName, s.IDKey)
	if err := folder.WriteFile(path, []byte(text)); err != nil {
		return s, fmt.Errorf("the data folder %s cannot be used: %w", dir, err)
	}
	return s, nil
}
