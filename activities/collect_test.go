package activities_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/activities"
)

func TestTheFetcherRefusesAddressesOfOurOwnNetwork(t *testing.T) {
	t.Parallel()
	reached := false
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	t.Cleanup(server.Close)
	fetcher := activities.NewFetcher(2 * time.Second)
	for _, address := range []string{
		server.URL, "https://localhost/x.jpg", "https://127.0.0.1/x.jpg", "https://[::1]/x.jpg", "https://10.0.0.1/x.jpg",
		"https://192.168.1.1/x.jpg", "https://172.16.0.1/x.jpg", "https://169.254.169.254/latest/meta-data",
		"https://[::ffff:127.0.0.1]/x.jpg", "https://0.0.0.0/x.jpg", "https://100.64.0.1/x.jpg", "https://[fd00::1]/x.jpg",
		"http://example.org/x.jpg", "ftp://example.org/x.jpg", "file:///etc/passwd", "https://user:pass@127.0.0.1/x.jpg",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		require.NoError(t, err)
		resp, err := fetcher.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		require.Error(t, err, address)
	}
	require.False(t, reached)
}
