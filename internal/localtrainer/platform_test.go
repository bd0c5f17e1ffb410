package localtrainer_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/localtrainer"
)

func TestPrices(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	require.Len(t, r.do("GET", "/v1/models/pricing", nil).body["prices"], 2)
	one := r.do("GET", "/v1/models/pricing?endpoint_id="+localtrainer.TrainEndpoint, nil).body["prices"].([]any)
	require.Len(t, one, 1)
	price := one[0].(map[string]any)
	require.InDelta(t, 2, price["unit_price"], 0)
	require.Equal(t, "USD", price["currency"])
	require.Equal(t, http.StatusNotFound, r.do("GET", "/v1/models/pricing?endpoint_id=x", nil).code)
}

func TestDeletedPayloadsAreGoneFromTheDisk(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	hook, calls := receiver(t)
	id := r.submit(images+hook, stranger("prompt", "a very private prompt"))
	next(t, calls)
	r.await(id, func(j map[string]any) bool { return j["webhook_settled"] == true })
	var out struct{ Images []struct{ URL string } }
	require.NoError(t, json.Unmarshal(r.done(images, id).raw, &out))
	picture := r.do("GET", out.Images[0].URL, nil)
	require.Equal(t, http.StatusOK, picture.code)
	traces := [][]byte{[]byte("a very private prompt"), []byte("token-of-this-job"), picture.raw}
	for _, trace := range traces {
		require.True(t, onDisk(t, r.dir, trace))
	}

	erase := func() answer { return r.do("DELETE", "/v1/models/requests/"+id+"/payloads", nil) }
	a := erase()
	require.Equal(t, http.StatusOK, a.code)
	require.Equal(t, []any{map[string]any{"link": out.Images[0].URL, "exception": nil}}, a.body["cdn_delete_results"])
	for _, trace := range traces {
		require.False(t, onDisk(t, r.dir, trace))
	}
	require.Equal(t, http.StatusNotFound, r.do("GET", out.Images[0].URL, nil).code)
	require.Equal(t, http.StatusNotFound, r.done(images, id).code)
	require.Nil(t, r.list("&expand=payloads").Items[0].Input)
	j := r.await(id, inState("COMPLETED"))
	require.NotContains(t, j, "webhook")
	require.NotEmpty(t, j["erased_at"])
	again := erase()
	require.Equal(t, http.StatusOK, again.code)
	require.Empty(t, again.body["cdn_delete_results"])
	require.Equal(t, http.StatusNotFound, r.do("DELETE", "/v1/models/requests/x/payloads", nil).code)
}

func TestDeletingPayloadsDoesNotStopTheJob(t *testing.T) {
	t.Parallel()
	before := start(t, localtrainer.Options{})
	hook, calls := receiver(t)
	before.fault("generate", "stuck")
	before.fault("generate", "late", "delay_ms", 600_000)
	running := before.submit(images+hook, stranger("prompt", "a very private prompt"))
	before.await(running, inState("IN_PROGRESS"))
	waiting := before.submit(images+hook, stranger("prompt", "a very private prompt"))
	erase := func(r *rig, id string) answer {
		a := r.do("DELETE", "/v1/models/requests/"+id+"/payloads", nil)
		require.Equal(t, http.StatusOK, a.code)
		return a
	}
	for range 2 {
		require.Empty(t, erase(before, running).body["cdn_delete_results"])
		require.Empty(t, erase(before, waiting).body["cdn_delete_results"])
	}
	for _, item := range before.list("&expand=payloads").Items {
		require.Nil(t, item.Input)
		require.Nil(t, item.Ended)
	}
	require.Equal(t, "IN_PROGRESS", before.status(running).text("status"))
	require.Equal(t, "IN_QUEUE", before.status(waiting).text("status"))

	// The work needs its input until the end, also when another process does it.
	dir := killed(t, before)
	before.stop()
	r := start(t, localtrainer.Options{Dir: dir})
	r.clock.advance(time.Hour)
	for _, id := range []string{running, waiting} {
		var out struct{ Images []struct{ URL string } }
		a := r.done(images, id)
		require.Equal(t, http.StatusOK, a.code)
		require.NoError(t, json.Unmarshal(a.raw, &out))
		require.Equal(t, http.StatusOK, r.do("GET", out.Images[0].URL, nil).code, "the output was made after the deletion")
		next(t, calls)
		r.await(id, func(j map[string]any) bool { return j["webhook_settled"] == true && j["erased_at"] == nil })
		require.NotEmpty(t, erase(r, id).body["cdn_delete_results"])
		require.Equal(t, http.StatusNotFound, r.do("GET", out.Images[0].URL, nil).code)
		require.Equal(t, http.StatusNotFound, r.done(images, id).code)
	}
	require.Empty(t, foldersOf(t, r.dir))
	require.False(t, onDisk(t, r.dir, []byte("a very private prompt")))
}

func TestDeletingPayloadsOfARunningTrainingKeepsItsWeights(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	set := r.upload("set.zip", "application/zip", archive(t, 5, noCaptions))
	r.fault("submit", "stuck")
	id := r.submit(training, map[string]any{"images_data_url": set, "trigger_word": "annaqwerty", "steps": 10})
	r.await(id, inState("IN_PROGRESS"))
	require.Equal(t, http.StatusOK, r.do("DELETE", "/v1/models/requests/"+id+"/payloads", nil).code)

	r.clearFaults()
	var out trained
	result := r.done(training, id)
	require.Equal(t, http.StatusOK, result.code, string(result.raw))
	require.NoError(t, json.Unmarshal(result.raw, &out))
	require.Len(t, r.do("GET", out.Lora.URL, nil).raw, out.Lora.FileSize)
}
