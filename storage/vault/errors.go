package vault

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gocloud.dev/gcerrors"

	"github.com/inflio/persona/internal/persona"
)

// ErrNotFound is returned when there is no blob at a path, or when a path does not belong to the persona.
var ErrNotFound = errors.New("vault: not found")

// translate turns an error of the bucket into one of this package. Everything except the end of the context is
// persona.Unavailable: a full disk, a refused write, a lost connection and a missing bucket are all reasons to try again later.
func translate(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return unavailable("The file store cannot be used at the moment.", err)
}

// translateMissing is translate for calls that name a blob which may be missing.
func translateMissing(err error) error {
	if err != nil && gcerrors.Code(err) == gcerrors.NotFound {
		return ErrNotFound
	}
	return translate(err)
}

func unavailable(message string, cause error) error {
	return fmt.Errorf("%w (%w)", &persona.Error{
		Kind: persona.Unavailable, Code: persona.CodeUnavailable, Message: message,
	}, cause)
}

// source remembers the error of a reader, so that it can be told apart from an error of what the data goes through.
type source struct {
	io.Reader
	err error // nil or the first error other than io.EOF
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && s.err == nil {
		s.err = err
	}
	return n, err
}
