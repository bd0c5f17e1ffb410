package localtrainer

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const (
	filesPath    = "/files/b/" // where fal's CDN serves from
	maxUpload    = 4 << 30     // bytes of one file; fal's own trainers stop far below it
	uploadLife   = time.Hour   // how long an upload URL is valid, and an unfinished upload is kept
	aclAllow     = "allow"     // everybody who has the URL
	aclForbid    = "forbid"    // nobody: 403
	aclHide      = "hide"      // nobody: 404
	dataName     = "data"      // the bytes, beside meta.json
	maxNameBytes = 80          // of a file name in a URL
	octets       = "application/octet-stream"
)

var (
	errNoFile     = errors.New("there is no such file")
	errForbidden  = errors.New("the file is not public")
	tokenPattern  = regexp.MustCompile(`^[a-z2-7]{32}$`)
	unsafeInNames = regexp.MustCompile(`[^A-Za-z0-9._-]+`)
)

// fileMeta describes a file. Only the secrecy of the token protects it, as on fal's CDN.
type fileMeta struct {
	Token       string     `json:"token"`
	Name        string     `json:"name"`
	ContentType string     `json:"content_type"`
	Signature   string     `json:"signature,omitempty"` // that an upload URL must have; "": nothing can be uploaded
	Job         string     `json:"job,omitempty"`       // the request that made it; "": it was uploaded
	ACL         string     `json:"acl"`
	CreatedAt   time.Time  `json:"created_at"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
}

func (m fileMeta) path() string { return filesPath + m.Token + "/" + m.Name }

// lifecycle is the value of X-Fal-Object-Lifecycle-Preference.
type lifecycle struct {
	Seconds *float64 `json:"expiration_duration_seconds,omitempty"`
	ACL     *struct {
		Default string `json:"default"`
	} `json:"initial_acl,omitempty"`
}

// readLifecycle reads the header under the name in the documentation and under the one that the JavaScript client sends.
// Like fal, it ignores a value that cannot be read.
func readLifecycle(h http.Header) lifecycle {
	var l lifecycle
	for _, name := range []string{"X-Fal-Object-Lifecycle-Preference", "X-Fal-Object-Lifecycle"} {
		if json.Unmarshal([]byte(h.Get(name)), &l) == nil {
			return l
		}
	}
	return lifecycle{}
}

func (l lifecycle) apply(m *fileMeta) {
	m.ACL = aclAllow
	if l.ACL != nil && (l.ACL.Default == aclForbid || l.ACL.Default == aclHide) {
		m.ACL = l.ACL.Default
	}
	if l.Seconds != nil && *l.Seconds > 0 {
		at := m.CreatedAt.Add(time.Duration(*l.Seconds * float64(time.Second)))
		m.ExpiresAt = &at
	}
}

// fileStore keeps each file in a folder of its own, with its metadata, so that both are removed together.
type fileStore struct {
	dir string
	now func() time.Time
}

func (f *fileStore) at(token string, more ...string) string {
	return filepath.Join(append([]string{f.dir, token}, more...)...)
}

// create makes the folder of a file under a new token. The bytes are written later.
func (f *fileStore) create(m fileMeta, l lifecycle) (fileMeta, error) {
	m.Token, m.Name, m.CreatedAt = randomToken(), safeName(m.Name), f.now()
	if m.ContentType == "" {
		m.ContentType = octets
	}
	l.apply(&m)
	if err := os.Mkdir(f.at(m.Token), 0o700); err != nil {
		return fileMeta{}, err
	}
	if err := writeJSON(f.at(m.Token, "meta.json"), m); err != nil {
		return fileMeta{}, err
	}
	return m, syncDir(f.dir)
}

// write copies r to a file in the folder of a token, and replaces an earlier one.
func (f *fileStore) write(token, name string, r io.Reader) error {
	return writeDurable(f.at(token, name), func(file *os.File) error {
		_, err := io.Copy(file, r)
		return err
	})
}

// meta returns errNoFile for a file that never existed, was removed or has expired.
func (f *fileStore) meta(token string) (fileMeta, error) {
	var m fileMeta
	if !tokenPattern.MatchString(token) {
		return m, errNoFile
	}
	switch err := readJSON(f.at(token, "meta.json"), &m); {
	case errors.Is(err, fs.ErrNotExist):
		return m, errNoFile
	case err != nil:
		return m, err
	case m.ExpiresAt != nil && !f.now().Before(*m.ExpiresAt):
		return m, errors.Join(errNoFile, f.remove(token))
	}
	return m, nil
}

// open opens the bytes of a public file.
func (f *fileStore) open(token string) (*os.File, fileMeta, error) {
	m, err := f.meta(token)
	switch {
	case err != nil:
		return nil, m, err
	case m.ACL == aclHide:
		return nil, m, errNoFile
	case m.ACL == aclForbid:
		return nil, m, errForbidden
	}
	file, err := os.Open(f.at(token, dataName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, m, errNoFile
	}
	return file, m, err
}

func (f *fileStore) setACL(m fileMeta, acl string) error {
	m.ACL = acl
	return writeJSON(f.at(m.Token, "meta.json"), m)
}

func (f *fileStore) remove(token string) error {
	if !tokenPattern.MatchString(token) {
		return errNoFile
	}
	return errors.Join(os.RemoveAll(f.at(token)), syncDir(f.dir))
}

// each calls visit for every file. A folder without meta.json belongs to a file that is being created, or whose creation
// ended with a crash; it is visited with its token and its age only.
func (f *fileStore) each(visit func(fileMeta) error) error {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !tokenPattern.MatchString(e.Name()) {
			continue // no file of this server
		}
		m := fileMeta{Token: e.Name()}
		err := readJSON(f.at(e.Name(), "meta.json"), &m)
		if errors.Is(err, fs.ErrNotExist) {
			info, gone := e.Info()
			if gone != nil {
				continue // removed in the meantime
			}
			m.CreatedAt = info.ModTime()
		} else if err != nil {
			return err
		}
		if err := visit(m); err != nil {
			return err
		}
	}
	return nil
}

// removeOfJob removes the files that a request has made, and returns their paths.
func (f *fileStore) removeOfJob(id string) (gone []string, err error) {
	err = f.each(func(m fileMeta) error {
		if m.Job != id || id == "" {
			return nil
		}
		gone = append(gone, m.path())
		return f.remove(m.Token)
	})
	return gone, err
}

// sweep removes files that have expired, and uploads that were begun and not finished.
func (f *fileStore) sweep() error {
	return f.each(func(m fileMeta) error {
		if m.ExpiresAt != nil && !f.now().Before(*m.ExpiresAt) {
			return f.remove(m.Token)
		}
		if f.now().Sub(m.CreatedAt) < uploadLife {
			return nil
		}
		if _, err := os.Stat(f.at(m.Token, dataName)); errors.Is(err, fs.ErrNotExist) {
			return f.remove(m.Token)
		}
		return nil
	})
}

// ownToken returns the token if address names a file of this server. The host is ignored: after a restart on another
// port, waiting jobs must still find their files.
func (f *fileStore) ownToken(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(u.Path, filesPath) {
		return "", false
	}
	token, _, _ := strings.Cut(strings.TrimPrefix(u.Path, filesPath), "/")
	if !tokenPattern.MatchString(token) {
		return "", false
	}
	if _, err := os.Stat(f.at(token)); err != nil {
		return "", false
	}
	return token, true
}

func safeName(name string) string {
	name = unsafeInNames.ReplaceAllString(path.Base(name), "_")
	name = strings.Trim(name, "._")
	if len(name) > maxNameBytes {
		name = name[len(name)-maxNameBytes:]
	}
	if name == "" {
		return "file"
	}
	return name
}

// serveFile serves a file to everybody who has its URL. Expired, hidden and unknown files give the same answer.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	if faultOf(r.Context()).Effect == lost {
		w.WriteHeader(http.StatusOK)
		return
	}
	file, m, err := s.files.open(r.PathValue("token"))
	switch {
	case errors.Is(err, errForbidden):
		refuse(w, http.StatusForbidden, "Access denied")
		return
	case errors.Is(err, errNoFile), err == nil && m.Name != r.PathValue("name"):
		if file != nil {
			file.Close()
		}
		refuse(w, http.StatusNotFound, "File not found")
		return
	case err != nil:
		s.fail(w, err)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Type", m.ContentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", m.CreatedAt, file)
}

// setACL changes who can read a file. fal has no call that deletes an uploaded file, so erasure uses this one. Here
// hiding also removes the bytes, so that tests can find that nothing is left on the disk.
func (s *Server) setACL(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Default string `json:"default"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&body); err != nil {
		refusePlatform(w, http.StatusBadRequest, "validation_error", "The body is not a JSON object.")
		return
	}
	token, ok := s.files.ownToken(r.URL.Query().Get("url"))
	m, err := s.files.meta(token)
	if !ok || err != nil {
		refusePlatform(w, http.StatusNotFound, "not_found", "File not found")
		return
	}
	switch body.Default {
	case aclHide:
		if faultOf(r.Context()).Effect != lost {
			err = s.files.remove(token)
		}
	case aclAllow, aclForbid:
		err = s.files.setACL(m, body.Default)
	default:
		refusePlatform(w, http.StatusBadRequest, "validation_error", "default must be allow, forbid or hide.")
		return
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	reply(w, http.StatusOK, map[string]any{"default": body.Default, "rules": []any{}})
}
