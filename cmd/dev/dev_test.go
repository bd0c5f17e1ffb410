package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// elsewhere returns flags with free ports, for a system beside others.
func elsewhere(dir string) []string {
	return []string{"-data", dir, "-http", "127.0.0.1:0", "-temporal", "127.0.0.1:0", "-ui", "127.0.0.1:0", "-trainer=127.0.0.1:0", "-metrics", "127.0.0.1:0", "-pace", "0s"}
}

// try runs the system in this process until it ends by itself, and returns its exit code and output.
func try(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e lockedBuffer
	code = run(t.Context(), args, &o, &e)
	return code, o.String(), e.String()
}

// upAndDown runs the system in this process, calls look with its output when it is ready, and interrupts it.
func upAndDown(t *testing.T, args []string, look func(welcome string)) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out, errs lockedBuffer
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, args, &out, &errs) }()
	require.Eventually(t, func() bool {
		return strings.Contains(out.String(), "cmd/persona train") || len(ended) > 0
	}, 2*time.Minute, 20*time.Millisecond)
	require.Empty(t, ended, "%s", &errs)
	look(out.String())
	began := time.Now()
	interrupt()
	require.Equal(t, exitOK, <-ended, "%s", &errs)
	require.Less(t, time.Since(began), 10*time.Second)
}

func fetch(t *testing.T, url, bearer string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func TestUpAndDownAndUpAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "private", "a data folder")
	require.NoError(t, os.Mkdir(filepath.Dir(dir), 0o700))
	for range 2 {
		upAndDown(t, elsewhere(dir), func(welcome string) {
			find := func(pattern string) string {
				found := regexp.MustCompile(pattern).FindStringSubmatch(welcome)
				require.Len(t, found, 2, "%s in %s", pattern, welcome)
				return found[1]
			}
			status, body := fetch(t, find(`API +(http://\S+)`)+"/api/personas", find(`PERSONA_TOKEN=(\S+)`))
			require.Equal(t, http.StatusOK, status, body)
			require.Contains(t, body, `"total":0`)
			status, _ = fetch(t, find(`Temporal UI +(http://\S+)`), "")
			require.Equal(t, http.StatusOK, status)
			status, _ = fetch(t, find(`Local trainer (http://\S+)`)+"/_local/jobs", "")
			require.Equal(t, http.StatusOK, status)
			status, body = fetch(t, find(`Metrics +(http://\S+)`), "")
			require.Equal(t, http.StatusOK, status)
			require.Contains(t, body, "persona_http_requests_total")

			code, _, errs := try(t, elsewhere(dir)...)
			require.Equal(t, exitFailed, code)
			require.Regexp(t, `^dev: the data folder .* cannot be used, another process uses it \(process \d+\): stop that one first, .*\n$`, errs)
		})
	}
	if runtime.GOOS != "windows" {
		info, err := os.Stat(filepath.Join(dir, secretsName))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		info, err = os.Stat(filepath.Dir(dir))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "a folder that is not ours stays as it was")
	}
	removeCluster(t, dir)
}

// removeCluster deletes the cluster of a data folder if it is outside of the folder.
func removeCluster(t *testing.T, dir string) {
	t.Helper()
	if note, err := os.ReadFile(filepath.Join(dir, "postgres", "cluster-is-at")); err == nil {
		require.NoError(t, os.RemoveAll(strings.TrimSpace(string(note))))
	}
}

func TestSentences(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	busy := taken.Addr().String()

	folder := func(files map[string]string) string {
		dir := t.TempDir()
		for name, content := range files {
			path := filepath.Join(dir, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		}
		return dir
	}
	const secrets = "PERSONA_KEY_URL=base64key://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nPERSONA_APP_PASSWORD=x\nFAL_KEY=local:x\nPERSONA_ID_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	file := filepath.Join(folder(map[string]string{"file": ""}), "file")

	for name, test := range map[string]struct {
		args []string // after those of elsewhere
		want string
	}{
		"API port in use":      {[]string{"-http", busy}, busy + " is in use by another program: stop that one, or choose another address with -http"},
		"Temporal port in use": {[]string{"-temporal", busy}, busy + " is in use by another program: stop that one, or choose another address with -temporal"},
		"UI port in use":       {[]string{"-ui", busy}, busy + " is in use by another program: stop that one, or choose another address with -ui"},
		"trainer port in use":  {[]string{"-trainer", busy}, busy + " is in use by another program: stop that one, or choose another address with -trainer"},
		"metrics port in use":  {[]string{"-metrics", busy}, busy + " is in use by another program: stop that one, or choose another address with -metrics"},
		"no address":           {[]string{"-http", "8080"}, "-http 8080 is not an address: host:port is expected"},
		"data is a file":       {[]string{"-data", file}, file + " cannot be used"},
		"a secret is missing": {
			[]string{"-data", folder(map[string]string{secretsName: "FAL_KEY=local:x\nPERSONA_APP_PASSWORD=x\n"})},
			"is damaged (secrets.env lacks PERSONA_KEY_URL): restore the file, or delete the folder",
		},
		"all secrets are missing": {
			[]string{"-data", folder(map[string]string{"postgres/password": "x"})},
			"is damaged (secrets.env, without which its data cannot be read, is missing): restore the file, or delete the folder",
		},
		"PostgreSQL's data are damaged": {
			[]string{"-data", folder(map[string]string{secretsName: secrets, "postgres/data/base/1": "x"})},
			"PostgreSQL",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, _, errs := try(t, append(elsewhere(filepath.Join(t.TempDir(), "data")), test.args...)...)
			require.Equal(t, exitFailed, code)
			require.Contains(t, errs, test.want)
			require.Equal(t, 1, strings.Count(errs, "\n"), "one sentence: %s", errs)
			require.True(t, strings.HasPrefix(errs, "dev: "), errs)
		})
	}
}

func TestDamagedTemporal(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "temporal"), 0o755))
	file := filepath.Join(dir, "temporal", "temporal.db")
	require.NoError(t, os.WriteFile(file, []byte("nothing of the kind"), 0o600))
	code, _, errs := try(t, elsewhere(dir)...)
	require.Equal(t, exitFailed, code)
	require.Equal(t, "dev: the Temporal database "+file+" is damaged (it is not an SQLite file): restore it, or delete it to start with an empty one\n", errs)
}

func TestUsage(t *testing.T) {
	t.Parallel()
	code, _, errs := try(t, "-dada", "x")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "dev: unknown flag --dada")
	code, out, _ := try(t, "-help")
	require.Equal(t, exitOK, code)
	require.Contains(t, out, "--trainer")
}

func TestASignalBeforeItIsReadyIsNoFailure(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var out, errs lockedBuffer
	require.Equal(t, exitOK, run(ctx, elsewhere(filepath.Join(t.TempDir(), "data")), &out, &errs), "%s", &errs)
}
