package upload

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"io"
	"os"

	"github.com/inflio/persona/internal/persona"
)

// File is a photo that waits on disk, in the folder of temporary files (TMPDIR). It is encrypted with a key that only
// this process has, and only in memory: what a crash leaves behind cannot be read. While it waits it takes no memory, so
// slow and stalled clients cannot use up that of others.
type File struct {
	file   *os.File
	name   string // "" once the file has no name any more
	stream cipher.Block
	bytes  int64
}

// spool writes r to a new File. Its error is of kind Unavailable if the file cannot be written.
func spool(r io.Reader) (*File, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp("", "persona-photo-*")
	if err != nil {
		return nil, noRoom(err)
	}
	f := &File{file: file, name: file.Name(), stream: block}
	if os.Remove(f.name) == nil { // not on every system may an open file be removed
		f.name = ""
	}
	f.bytes, err = io.Copy(&cipher.StreamWriter{S: f.counter(), W: file}, r)
	if err != nil {
		f.Close()
		return nil, noRoom(err)
	}
	return f, nil
}

// counter returns the key stream. The counter may start at zero because no other file has the same key.
func (f *File) counter() cipher.Stream {
	return cipher.NewCTR(f.stream, make([]byte, f.stream.BlockSize())) //nolint:gosec // see above
}

// Size is the size of the photo in bytes.
func (f *File) Size() int64 { return f.bytes }

// Bytes reads the photo into memory.
func (f *File) Bytes() ([]byte, error) {
	data := make([]byte, f.bytes)
	r := cipher.StreamReader{S: f.counter(), R: io.NewSectionReader(f.file, 0, f.bytes)}
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, noRoom(err)
	}
	return data, nil
}

// Close removes the photo.
func (f *File) Close() {
	_ = f.file.Close()
	if f.name != "" {
		_ = os.Remove(f.name)
	}
}

func noRoom(cause error) error {
	return fmt.Errorf("%w (%w)", &persona.Error{
		Kind: persona.Unavailable, Code: persona.CodeUnavailable,
		Message: "There is no room for the photos right now. Send them again in a few seconds.",
	}, cause)
}
