package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/inflio/persona/internal/persona"
)

// Entry is one entry of a user's log.
type Entry struct {
	Seq       int64     // from 1, without gaps for each user; set by Append
	At        time.Time // set by Append
	Action    Action
	PersonaID string // "" when the entry is about no persona

	// Subject, when not "", makes Append write the entry only if the user has no entry with the same action and subject. Use it in
	// whatever may run again, such as an activity, with what identifies the event: an id, or an id and a number.
	Subject string

	// Detail is small and holds ids, numbers and codes only: no name, address, prompt or URL.
	Detail map[string]any
}

// maxDetail is the largest detail of an entry, in bytes of JSON.
const maxDetail = 1024

// check returns the detail as it is stored.
func (e Entry) check() (detail string, err error) {
	if !slices.Contains(Actions(), e.Action) {
		return "", fmt.Errorf("audit: the action %q is not in the list of actions", e.Action)
	}
	if e.PersonaID != "" && !persona.IsID(e.PersonaID) {
		return "", fmt.Errorf("audit: %s: the persona id is not a UUID", e.Action)
	}
	if len(e.Detail) == 0 {
		return "{}", nil
	}
	text, err := json.Marshal(e.Detail)
	if err != nil {
		return "", fmt.Errorf("audit: detail of %s: %w", e.Action, err)
	}
	if len(text) > maxDetail {
		return "", fmt.Errorf("audit: the detail of %s has %d bytes, more than %d", e.Action, len(text), maxDetail)
	}
	return string(text), nil
}

// line is an entry as it is hashed and stored.
type line struct {
	userID    string
	seq       int64
	at        time.Time
	action    string
	personaID string
	subject   string
	detail    string // the stored text
	hash      []byte
}

// chain returns the SHA-256 over the previous hash and the fields of the line. Each field is preceded by its length, so no two
// different lines give the same bytes. Times are in microseconds, the precision of the database. The subject is a further field
// only where there is one: entries from before there were subjects keep their hash.
func (l line) chain(previous []byte) []byte {
	fields := []string{
		string(previous), l.userID, strconv.FormatInt(l.seq, 10), strconv.FormatInt(l.at.UnixMicro(), 10), l.action, l.personaID,
		l.detail,
	}
	if l.subject != "" {
		fields = append(fields, l.subject)
	}
	sum := sha256.New()
	for _, field := range fields {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(field)))
		sum.Write(length[:])
		sum.Write([]byte(field))
	}
	return sum.Sum(nil)
}
