package localtrainer_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/localtrainer"
)

// killed returns what a kill -9 would leave: a copy of the folder, made while the server runs.
func killed(t *testing.T, r *rig) string {
	t.Helper()
	var dir string
	require.Eventually(t, func() bool { // a file that is renamed while it is copied makes the copy fail
		dir = t.TempDir()
		return os.CopyFS(dir, os.DirFS(r.dir)) == nil
	}, waitLimit, time.Millisecond)
	return dir
}

func TestJobsAreContinuedAfterACrash(t *testing.T) {
	t.Parallel()
	before := start(t, localtrainer.Options{})
	before.fault("webhook", "late", "delay_ms", 600_000, "times", 9)
	hook, calls := receiver(t)
	ended := before.submit(images+hook, stranger("seed", 1))
	result := before.done(images, ended)
	before.fault("generate", "stuck")
	running := before.submit(images+hook, stranger("seed", 2))
	before.await(running, inState("IN_PROGRESS"))
	before.fault("generate", "late", "delay_ms", 1)
	queued := before.submit(images+hook, stranger("seed", 3))
	require.Empty(t, calls)

	dir := killed(t, before)
	before.stop()
	after := start(t, localtrainer.Options{Dir: dir})
	got := map[string]bool{}
	for range 3 {
		c := next(t, calls)
		require.Equal(t, "OK", c.body.Status)
		signed, _ := verify(t, after.url, c)
		require.True(t, signed, "the key is the same as before")
		got[c.body.RequestID] = true
	}
	require.Equal(t, map[string]bool{ended: true, running: true, queued: true}, got)
	require.Len(t, after.jobs(), 3, "no job was bought twice")
	for _, id := range []string{running, queued} {
		require.Equal(t, http.StatusOK, after.done(images, id).code)
	}
	require.Contains(t, string(after.status(running).raw), "starts again")
	moved := strings.ReplaceAll(string(result.raw), before.url, after.url)
	require.JSONEq(t, moved, string(after.done(images, ended).raw), "stored addresses follow the server")
	var out struct{ Images []struct{ URL string } }
	require.NoError(t, json.Unmarshal([]byte(moved), &out))
	require.Equal(t, http.StatusOK, after.do("GET", out.Images[0].URL, nil).code)
}

func TestASubmitIsOnDiskBeforeItIsAnswered(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	r.fault("generate", "lost_reply")
	_, err := r.try("POST", images, stranger())
	require.Error(t, err)
	kept, err := filepath.Glob(filepath.Join(r.dir, "jobs", "*.json"))
	require.NoError(t, err)
	require.Len(t, kept, 1)
}

func TestAGracefulStopLeavesRunningJobsForTheNextStart(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	r.fault("generate", "stuck")
	id := r.submit(images, stranger())
	r.await(id, inState("IN_PROGRESS"))
	r.stop()
	again := start(t, localtrainer.Options{Dir: r.dir})
	require.Equal(t, http.StatusOK, again.done(images, id).code)
}

func TestUnfinishedFilesAreRemovedAtTheStart(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	id := r.submit(images, stranger())
	r.await(id, inState("COMPLETED"))
	r.stop()
	// As after a crash between writing the output and recording the end of the job.
	path := filepath.Join(r.dir, "jobs", id+".json")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(data), `"COMPLETED"`, `"IN_PROGRESS"`, 1)), 0o600))
	for _, name := range []string{"tmp/input-1", "jobs/x.json.1.unfinished"} {
		require.NoError(t, os.WriteFile(filepath.Join(r.dir, name), []byte("half"), 0o600))
	}
	require.Len(t, foldersOf(t, r.dir), 1)

	again := start(t, localtrainer.Options{Dir: r.dir})
	require.Equal(t, http.StatusOK, again.done(images, id).code)
	require.Len(t, foldersOf(t, r.dir), 1, "the output of the first run is gone")
	require.False(t, onDisk(t, r.dir, []byte("half")))
}
