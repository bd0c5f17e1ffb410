package localtrainer

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	uploadPath = "/storage/bytes/" // the beginning of upload URLs
	maxParts   = 10_000
	tokenLife  = time.Hour // of a token of the other upload protocol
)

// initiateUpload is the first step of the JavaScript client's upload. The reply has the address to send the bytes to and
// the address to read them from. For a multipart upload the client appends part numbers to the first.
func (s *Server) initiateUpload(w http.ResponseWriter, r *http.Request) {
	var body struct {
		ContentType string `json:"content_type"`
		FileName    string `json:"file_name"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&body); err != nil {
		refuse(w, http.StatusUnprocessableEntity, "The body is not a JSON object with content_type and file_name.")
		return
	}
	m, err := s.files.create(fileMeta{
		Name: body.FileName, ContentType: body.ContentType, Signature: randomToken(),
	}, readLifecycle(r.Header))
	if err != nil {
		s.fail(w, err)
		return
	}
	reply(w, http.StatusOK, map[string]string{
		"upload_url": s.base(r) + uploadPath + m.Token + "?signature=" + m.Signature,
		"file_url":   s.base(r) + m.path(),
	})
}

// upload finds the file of an upload URL. The signature is the only credential: the client sends no key. The URL stays
// valid after the upload, so that a PUT that is repeated after a lost reply succeeds.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) (fileMeta, bool) {
	m, err := s.files.meta(r.PathValue("token"))
	signature := r.URL.Query().Get("signature")
	switch {
	case errors.Is(err, errNoFile):
		refuse(w, http.StatusNotFound, "Upload not found")
	case err != nil:
		s.fail(w, err)
	case m.Signature == "" || subtle.ConstantTimeCompare([]byte(signature), []byte(m.Signature)) != 1,
		s.now().Sub(m.CreatedAt) > uploadLife:
		refuse(w, http.StatusForbidden, "The upload URL is not valid, or no longer")
	default:
		return m, true
	}
	return fileMeta{}, false
}

// putFile receives a whole file.
func (s *Server) putFile(w http.ResponseWriter, r *http.Request) {
	m, ok := s.upload(w, r)
	if !ok {
		return
	}
	if err := s.files.write(m.Token, dataName, http.MaxBytesReader(w, r.Body, maxUpload)); err != nil {
		s.uploadFailed(w, err)
		return
	}
	s.loseIfTold(r, m.Token)
	w.WriteHeader(http.StatusOK)
}

// putPart receives one part of a multipart upload. A part that is sent again replaces the first.
func (s *Server) putPart(w http.ResponseWriter, r *http.Request) {
	m, ok := s.upload(w, r)
	if !ok {
		return
	}
	number, err := strconv.Atoi(r.PathValue("part"))
	if err != nil || number < 1 || number > maxParts {
		refuse(w, http.StatusBadRequest, "The part number must be 1 to 10000.")
		return
	}
	sum := sha256.New()
	body := io.TeeReader(http.MaxBytesReader(w, r.Body, maxUpload), sum)
	if err := s.files.write(m.Token, partName(number), body); err != nil {
		s.uploadFailed(w, err)
		return
	}
	etag := etagOf(sum)
	w.Header().Set("ETag", etag)
	reply(w, http.StatusOK, map[string]any{"partNumber": number, "etag": etag})
}

func partName(number int) string { return fmt.Sprintf("part-%05d", number) }

func etagOf(sum hash.Hash) string { return `"` + hex.EncodeToString(sum.Sum(nil)[:16]) + `"` }

// completeUpload joins the named parts in the order given, if every etag is right.
func (s *Server) completeUpload(w http.ResponseWriter, r *http.Request) {
	m, ok := s.upload(w, r)
	if !ok {
		return
	}
	var body struct {
		Parts []struct {
			Number int    `json:"partNumber"`
			ETag   string `json:"etag"`
		} `json:"parts"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<20)).Decode(&body)
	if err != nil || len(body.Parts) == 0 {
		refuse(w, http.StatusBadRequest, "The body must list the parts with partNumber and etag.")
		return
	}
	err = writeDurable(s.files.at(m.Token, dataName), func(f *os.File) error {
		for i, p := range body.Parts {
			if i > 0 && p.Number <= body.Parts[i-1].Number {
				return partError{"The parts are not in ascending order."}
			}
			if err := appendPart(f, s.files.at(m.Token, partName(p.Number)), p.Number, p.ETag); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		// If the reply to an earlier completion was lost, the parts are joined already.
		if _, done := os.Stat(s.files.at(m.Token, dataName)); done == nil {
			err = nil
		} else {
			err = partError{"A part was never uploaded."}
		}
	}
	if err != nil {
		s.uploadFailed(w, err)
		return
	}
	s.dropParts(m.Token)
	s.loseIfTold(r, m.Token)
	reply(w, http.StatusOK, map[string]string{"access_url": s.base(r) + m.path()})
}

// partError is a sentence for the client about its mistake.
type partError struct{ what string }

func (e partError) Error() string { return e.what }

func appendPart(to io.Writer, path string, number int, etag string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(to, sum), f); err != nil {
		return err
	}
	if strings.Trim(etag, `"`) != strings.Trim(etagOf(sum), `"`) {
		return partError{fmt.Sprintf("Part %d has another etag.", number)}
	}
	return nil
}

func (s *Server) dropParts(token string) {
	parts, _ := filepath.Glob(s.files.at(token, "part-*"))
	for _, p := range parts {
		if err := os.Remove(p); err != nil {
			s.log.Warn("a joined part stays on disk", "error", err)
		}
	}
}

func (s *Server) uploadFailed(w http.ResponseWriter, err error) {
	var tooLarge *http.MaxBytesError
	var bad partError
	switch {
	case errors.As(err, &tooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, "The file is too large.")
	case errors.As(err, &bad):
		refuse(w, http.StatusBadRequest, bad.what)
	default:
		s.fail(w, err)
	}
}

// grantToken is the first step of the Python client's upload.
func (s *Server) grantToken(w http.ResponseWriter, r *http.Request) {
	token, expires := randomToken(), s.now().Add(tokenLife)
	s.mu.Lock()
	for t, at := range s.tokens {
		if s.now().After(at) {
			delete(s.tokens, t)
		}
	}
	s.tokens[token] = expires
	s.mu.Unlock()
	reply(w, http.StatusOK, map[string]any{
		"token": token, "token_type": "Bearer", "base_url": s.base(r), "expires_at": expires.UTC().Format(time.RFC3339),
	})
}

// uploadWithToken receives a file with a token from grantToken.
func (s *Server) uploadWithToken(w http.ResponseWriter, r *http.Request) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	expires, ok := s.tokens[token]
	s.mu.Unlock()
	if !ok || s.now().After(expires) {
		refuse(w, http.StatusUnauthorized, "The upload token is not valid, or no longer")
		return
	}
	m, err := s.files.create(fileMeta{
		Name: r.Header.Get("X-Fal-File-Name"), ContentType: r.Header.Get("Content-Type"),
	}, readLifecycle(r.Header))
	if err != nil {
		s.fail(w, err)
		return
	}
	if err := s.files.write(m.Token, dataName, http.MaxBytesReader(w, r.Body, maxUpload)); err != nil {
		_ = s.files.remove(m.Token) // the sweep takes it otherwise
		s.uploadFailed(w, err)
		return
	}
	s.loseIfTold(r, m.Token)
	reply(w, http.StatusOK, map[string]string{"access_url": s.base(r) + m.path()})
}
