package vault

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/inflio/persona/internal/persona"
)

// Kind is what a blob holds. It is the first part of the blob's path below the folder of its persona.
type Kind string

// The kinds of blobs. A test checks that every path helper uses one of them.
const (
	KindPhoto    Kind = "photos"   // a photo as it was uploaded or fetched
	KindPrepared Kind = "prepared" // a training picture that was cut from a photo
	KindMeasures Kind = "measures" // what was measured on a photo, as JSON
	KindSample   Kind = "samples"  // a test picture of a version
	KindModel    Kind = "model"    // the weights of a version
)

// Folder returns the prefix of all blobs of a persona. It ends with a slash.
func Folder(personaID string) string { return "personas/" + personaID + "/" }

// PhotoPath returns the path of a photo as it was uploaded or fetched.
func PhotoPath(personaID, photoID string) string {
	return path(personaID, KindPhoto, photoID)
}

// PreparedPath returns the path of the n-th picture prepared from a photo, from 0. Picture 0 is the crop.
func PreparedPath(personaID, photoID string, n int) string {
	return path(personaID, KindPrepared, fmt.Sprintf("%s/%d.jpg", photoID, n))
}

// MeasuresPath returns the path of what was measured on a photo.
func MeasuresPath(personaID, photoID string) string {
	return path(personaID, KindMeasures, photoID+".json")
}

// SamplePath returns the path of a test picture of a version. The key names the picture within the version.
func SamplePath(personaID string, version int, key string) string {
	return path(personaID, KindSample, fmt.Sprintf("v%d/%s.jpg", version, key))
}

// ModelPath returns the path of the weights of a version.
func ModelPath(personaID string, version int) string {
	return path(personaID, KindModel, fmt.Sprintf("v%d.safetensors", version))
}

func path(personaID string, kind Kind, name string) string {
	return Folder(personaID) + string(kind) + "/" + name
}

// Split returns the kind of a blob of a persona and its name, which is the path below the folder of the persona. It returns
// ErrNotFound for a path that does not lie in that folder.
func Split(personaID, path string) (Kind, string, error) {
	name, inside := strings.CutPrefix(path, Folder(personaID))
	if !inside || !persona.IsID(personaID) || !fs.ValidPath(path) {
		return "", "", fmt.Errorf("%w: the path is not one of this persona", ErrNotFound)
	}
	kind, _, _ := strings.Cut(name, "/")
	return Kind(kind), name, nil
}
