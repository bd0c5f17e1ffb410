package audit

import "time"

// Chain returns the hash of an entry after a previous hash.
func Chain(previous []byte, userID string, seq int64, at time.Time, action, personaID, subject, detail string) []byte {
	return line{
		userID: userID, seq: seq, at: at, action: action, personaID: personaID, subject: subject, detail: detail,
	}.chain(previous)
}
