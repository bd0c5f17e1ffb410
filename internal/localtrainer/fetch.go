package localtrainer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
)

// maxInputFile is the largest file that an input may name, in bytes.
const maxInputFile = 2 << 30

// fetch opens a file that an input names, for reading and seeking, and returns its size. Files of this server are opened
// on the disk, others are downloaded. A failure is a model error for the given field of the input.
func (s *Server) fetch(ctx context.Context, address string, field ...any) (*os.File, int64, error) {
	unreachable := invalid("file_download_error", "Failed to download the file", nil, field...)
	var f *os.File
	var err error
	if token, own := s.files.ownToken(address); own {
		f, _, err = s.files.open(token)
	} else {
		f, err = s.download(ctx, address)
	}
	if ctx.Err() != nil {
		if f != nil {
			f.Close()
		}
		return nil, 0, context.Cause(ctx)
	}
	if err != nil {
		// The error may contain the address, which is a secret.
		return nil, 0, unreachable
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// download stores a file from another server in a temporary file without a name, which is deleted when it is closed.
func (s *Server) download(ctx context.Context, address string) (*os.File, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("not an http(s) URL")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(resp.Status)
	}
	f, err := os.CreateTemp(filepath.Join(s.dir, "tmp"), "input-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	n, err := io.Copy(f, io.LimitReader(resp.Body, maxInputFile+1))
	if err == nil && n > maxInputFile {
		err = errors.New("the file is too large")
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
