package api_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/api"
	"github.com/inflio/persona/storage/storagetest"
)

// A full disk is nobody's mistake: clients try again later, and the load balancer sends nothing until there is room.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	var full atomic.Bool
	w := newWorld(t, func(o *api.Options) {
		bed := storagetest.NewBed(t)
		bed.Bucket = storagetest.Intercept(bed.Bucket, func(_ context.Context, op storagetest.Operation, _ string) error {
			if full.Load() && op == storagetest.WriteBlob {
				return syscall.ENOSPC
			}
			return nil
		})
		o.Store = bed.Reopen(t)
	})
	full.Store(true)
	media, body := goodForm(5).finish()
	rec := w.serve(ada, http.MethodPost, trainPath, media, body)
	require.Equal(t, http.StatusServiceUnavailable, rec.Code, rec.Body.String())
	require.Contains(t, rec.Body.String(), `"code":"unavailable"`)
	require.NotEmpty(t, rec.Header().Get("Retry-After"))
	require.NotContains(t, rec.Body.String(), "no space")
	rec = w.serve("", http.MethodGet, "/readyz", "", http.NoBody)
	require.Equal(t, http.StatusServiceUnavailable, rec.Code, rec.Body.String())
	require.Contains(t, rec.Body.String(), `"storage":"unavailable"`)

	full.Store(false)
	media, body = goodForm(5).finish()
	rec = w.serve(ada, http.MethodPost, trainPath, media, body)
	require.Equal(t, http.StatusAccepted, rec.Code, rec.Body.String())
}
