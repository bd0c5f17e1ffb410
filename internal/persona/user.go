package persona

import "github.com/google/uuid"

// userSpace is the UUIDv5 name space of subjects; any fixed value serves, and it must never change.
var userSpace = uuid.MustParse("6f1d1c3e-2b0a-5d57-9a55-3a0d7cb8a9f4")

// UserID turns a token's subject into the user id used everywhere else. A subject that is a UUID is kept; any other
// (it may be a name or an e-mail address) becomes a UUIDv5, so that what appears in workflow IDs, search attributes
// and logs is opaque and the same subject always finds its data again.
func UserID(subject string) string {
	if id, err := uuid.Parse(subject); err == nil {
		return id.String()
	}
	return uuid.NewSHA1(userSpace, []byte(subject)).String()
}

// IsID reports whether s is an identifier as we make them: a UUID in its canonical lower-case form.
func IsID(s string) bool {
	id, err := uuid.Parse(s)
	return err == nil && id.String() == s
}
