package postgres_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/embedded/postgres"
)

const (
	soon = 20 * time.Second
	tick = 20 * time.Millisecond
)

func listens(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// fakePrograms writes programs that know their version and nothing else.
func fakePrograms(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + " (Some 9.9)'\n"
	for _, name := range []string{"postgres", "initdb"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755))
	}
	return dir
}

func TestPrograms(t *testing.T) {
	t.Parallel()
	old, fitting, newer := fakePrograms(t, "14.1"), fakePrograms(t, "16.4"), fakePrograms(t, "19devel")
	none := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(none.Close)
	for name, test := range map[string]struct {
		dirs    []string
		major   int
		version int
		fails   string
	}{
		"the first that serves":            {[]string{t.TempDir(), old, fitting, newer}, 0, 16, ""},
		"the one that made the cluster":    {[]string{old, fitting, newer}, 19, 19, ""},
		"also an old one":                  {[]string{newer, old}, 14, 14, ""},
		"none":                             {[]string{"", "relative", t.TempDir()}, 0, 0, "PostgreSQL was not found and could not be downloaded: install PostgreSQL 15 or newer"},
		"only too old ones":                {[]string{old}, 0, 0, "PostgreSQL was not found"},
		"not the one that made it":         {[]string{old, newer}, 16, 0, "the cluster was made by PostgreSQL 16"},
		"nor one that could be downloaded": {[]string{old, newer}, 12, 0, "the cluster was made by PostgreSQL 12"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, version, err := postgres.Find(t.Context(), test.dirs, none.URL, t.TempDir(), test.major)
			if test.fails != "" {
				require.ErrorContains(t, err, test.fails)
				require.NotContains(t, err.Error(), "\n")
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.version, version)
		})
	}
}

// archive is a .txz of two scripts, bin/postgres and bin/initdb, of "version 17.5".
const archive = `
/Td6WFoAAAFpIt42AgAhARwAAAAQz1jM4Cf/AJ9dADEaShsFkZA3OlG9V3Gz1uQT2IkQonAbexNN15tic70r6rNJbkVqC6RLQH2665UL531xp7
xGLwZ7YE/oc/s6Qdeq9LuaZZYf6VeC6cVmDEV5TcN2OLT2QYTp24RhZ248gX1XhnOzpARWvIHbb3L4vKh/nEhn83h6MiDuknBlHacHI6JR3kRA
Hu3jbKLCHwVi7hCDtpiIFnHNG6Z0brW3bAAAwbq1oQABtwGAUAAAK0YfeD4wDYsCAAAAAAFZWg==
`

func zipped(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var jar bytes.Buffer
	w := zip.NewWriter(&jar)
	f, err := w.Create(name)
	require.NoError(t, err)
	_, err = f.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return jar.Bytes()
}

func TestDownload(t *testing.T) {
	t.Parallel()
	txz, err := base64.StdEncoding.DecodeString(archive)
	require.NoError(t, err)
	jar := zipped(t, "postgres.txz", txz)
	sum := sha256.Sum256(jar)
	good := hex.EncodeToString(sum[:])
	for name, test := range map[string]struct {
		jar      []byte
		checksum string // "" for a mirror that has none
		fails    string
	}{
		"with a checksum":      {jar, good + "\n", ""},
		"without one":          {jar, "", ""},
		"with another one":     {jar, strings.Repeat("0", 64), "has the SHA-256 " + good},
		"no archive in it":     {zipped(t, "readme", txz), "", "it has no file that ends in .txz"},
		"not a jar":            {txz, "", "cannot be unpacked"},
		"a damaged archive":    {zipped(t, "postgres.txz", txz[:len(txz)/2]), "", "cannot be unpacked"},
		"nothing is available": {nil, "", "answers 404"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.HasSuffix(r.URL.Path, ".jar") && strings.Contains(r.URL.Path, "/17.") && test.jar != nil:
					asked.Add(1)
					_, _ = w.Write(test.jar)
				case strings.HasSuffix(r.URL.Path, ".jar.sha256") && test.checksum != "":
					_, _ = w.Write([]byte(test.checksum))
				default:
					http.NotFound(w, r)
				}
			}))
			t.Cleanup(source.Close)
			cache := filepath.Join(t.TempDir(), "cache")
			for range 2 {
				dir, version, err := postgres.Find(t.Context(), nil, source.URL, cache, 17)
				if test.fails != "" {
					require.ErrorContains(t, err, test.fails)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, 17, version)
				require.True(t, strings.HasPrefix(dir, cache))
				require.EqualValues(t, 1, asked.Load(), "the second time it is in the cache")
			}
			left, err := filepath.Glob(filepath.Join(cache, "fetch-*"))
			require.NoError(t, err)
			require.Empty(t, left, "what was needed on the way is removed")
		})
	}
}

// tarred is a tar archive with one entry.
func tarred(t *testing.T, header tar.Header) *tar.Reader {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	require.NoError(t, w.WriteHeader(&header))
	_, err := w.Write(make([]byte, header.Size))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return tar.NewReader(&archive)
}

func TestAnArchiveStaysInItsFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "in")
	require.NoError(t, os.Mkdir(dir, 0o755))
	for _, name := range []string{"../out", "/out", "a/../../out"} {
		require.Error(t, postgres.Untar(tarred(t, tar.Header{Name: name, Typeflag: tar.TypeReg, Size: 1, Mode: 0o755}), dir), name)
	}
	require.NoError(t, postgres.Untar(tarred(t, tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: ".."}), dir))
	require.Error(t, postgres.Untar(tarred(t, tar.Header{Name: "link/out", Typeflag: tar.TypeReg, Size: 1, Mode: 0o755}), dir))
	require.NoFileExists(t, filepath.Join(dir, "..", "out"))
	require.NoError(t, postgres.Untar(tarred(t, tar.Header{Name: "./bin/x", Typeflag: tar.TypeReg, Size: 1, Mode: 0o755}), dir))
	require.FileExists(t, filepath.Join(dir, "bin", "x"))
}
