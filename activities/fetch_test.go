package activities_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/activities"
)

// website is a TLS server that a fetcher knows as example.com and a.example.com; it keeps the requests it got.
type website struct {
	*httptest.Server
	mu   sync.Mutex
	seen []*http.Request
}

func newWebsite(t *testing.T, handler http.HandlerFunc) *website {
	t.Helper()
	w := &website{}
	w.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.seen = append(w.seen, r)
		w.mu.Unlock()
		handler(rw, r)
	}))
	w.Config.ErrorLog = log.New(io.Discard, "", 0) // clients hang up on purpose
	w.StartTLS()
	t.Cleanup(w.Close)
	return w
}

func (w *website) requests() []*http.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}

func (w *website) fetcher(timeout, pace time.Duration) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(w.Certificate())
	at := w.Listener.Addr().String()
	return activities.NewTestFetcher(timeout, pace, roots, map[string]string{"example.com:443": at, "a.example.com:443": at})
}

// fetch reads a whole answer.
func fetch(t *testing.T, client *http.Client, address string) (*http.Response, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// trickle sends the beginning of a photo and then a byte now and then, until the client hangs up.
func trickle(beginning []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = w.Write(beginning)
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for {
			if _, err := w.Write([]byte{0xff}); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-ticker.C:
			}
		}
	}
}

// plain is a server without TLS that fails the test when it is asked for anything.
func plain(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request came without TLS") }))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestEveryHopIsChecked(t *testing.T) {
	t.Parallel()
	unsafe := plain(t)
	site := newWebsite(t, func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
		}
	})
	roots := x509.NewCertPool()
	roots.AddCert(site.Certificate())
	client := activities.NewTestFetcher(time.Minute, time.Minute, roots, map[string]string{
		"example.com:443": site.Listener.Addr().String(), "plain.example.com:443": unsafe,
	})
	for _, address := range []string{
		"http://example.com/x.jpg", "http://plain.example.com:443/x.jpg", "ftp://example.com/x.jpg", "file:///etc/passwd",
		"https://example.com:8443/x.jpg", "https://example.com:80/x.jpg", site.URL + "/x.jpg",
		"https://user@example.com/x.jpg", "https://user:password@example.com/x.jpg", "https:///x.jpg",
		"https://localhost/x.jpg", "https://127.0.0.1/x.jpg", "https://[::1]/x.jpg", "https://10.0.0.1/x.jpg",
		"https://192.168.1.1/x.jpg", "https://169.254.169.254/latest/meta-data", "https://[::ffff:127.0.0.1]/x.jpg",
		"https://[64:ff9b::a00:1]/x.jpg", "https://0.0.0.0/x.jpg", "https://[fd00:ec2::254]/x.jpg",
	} {
		_, _, err := fetch(t, client, address)
		require.ErrorIs(t, err, activities.ErrAddressRefused, address)
		require.False(t, activities.IsTransient(err), address)
		before := len(site.requests())
		_, _, err = fetch(t, client, "https://example.com/?to="+url.QueryEscape(address))
		require.ErrorIs(t, err, activities.ErrAddressRefused, "a redirect to %s", address)
		require.Len(t, site.requests(), before+1)
	}
	resp, _, err := fetch(t, client, "https://example.com:443/x.jpg")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

func TestRedirectsAreCountedAndTellNothing(t *testing.T) {
	t.Parallel()
	site := newWebsite(t, func(w http.ResponseWriter, r *http.Request) {
		left := strings.TrimPrefix(r.URL.Path, "/")
		http.SetCookie(w, &http.Cookie{Name: "who", Value: "secret"})
		if len(left) > 0 {
			http.Redirect(w, r, "https://a.example.com/"+left[1:]+"?token=secret", http.StatusFound)
		}
	})
	client := site.fetcher(time.Minute, time.Minute)
	resp, _, err := fetch(t, client, "https://example.com/"+strings.Repeat("x", activities.FetchRedirects)+"?token=secret")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Len(t, site.requests(), activities.FetchRedirects+1)
	for _, r := range site.requests() {
		for _, name := range []string{"Referer", "Cookie", "Authorization"} {
			require.Empty(t, r.Header.Values(name), name)
		}
	}
	_, _, err = fetch(t, client, "https://example.com/"+strings.Repeat("x", activities.FetchRedirects+1))
	require.ErrorContains(t, err, "redirects more than")
	require.False(t, activities.IsTransient(err))
}

// An answer is not unpacked: the limit on its size would count the wrong bytes.
func TestAnswersAreNotDecompressed(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	packer := gzip.NewWriter(&bomb)
	_, err := packer.Write(make([]byte, 10<<20))
	require.NoError(t, err)
	require.NoError(t, packer.Close())
	site := newWebsite(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Error("compression was asked for")
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	})
	_, body, err := fetch(t, site.fetcher(time.Minute, time.Minute), "https://example.com/x.jpg")
	require.NoError(t, err)
	require.Len(t, body, bomb.Len())
}

func TestSlowAndLargeAnswersEnd(t *testing.T) {
	t.Parallel()
	stuck := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	headers := func(w http.ResponseWriter, _ *http.Request) {
		for i := range 1000 {
			w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 100))
		}
	}
	const ages = 10 * time.Minute // longer than a test may take
	for name, c := range map[string]struct {
		handler       http.HandlerFunc
		timeout, pace time.Duration
		transient     bool
		is            error
	}{
		"no answer":        {stuck, 50 * time.Millisecond, ages, true, context.DeadlineExceeded},
		"a byte at a time": {trickle(nil), ages, 50 * time.Millisecond, true, activities.ErrTooSlow},
		"a body that does not end in time": {
			trickle(nil), 500 * time.Millisecond, ages, true, context.DeadlineExceeded,
		},
		"headers without end": {headers, ages, ages, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := newWebsite(t, c.handler)
			_, _, err := fetch(t, site.fetcher(c.timeout, c.pace), "https://example.com/x.jpg")
			require.Error(t, err)
			require.Equal(t, c.transient, activities.IsTransient(err), "%v", err)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
		})
	}
}

// A long body that keeps coming is not slow, however long it takes.
func TestASteadyBodyIsNotSlow(t *testing.T) {
	t.Parallel()
	const chunk, chunks = 64 << 10, 40
	site := newWebsite(t, func(w http.ResponseWriter, _ *http.Request) {
		for range chunks {
			_, _ = w.Write(make([]byte, chunk))
			_ = http.NewResponseController(w).Flush()
		}
	})
	_, body, err := fetch(t, site.fetcher(time.Minute, 30*time.Second), "https://example.com/x.jpg")
	require.NoError(t, err)
	require.Len(t, body, chunk*chunks)
}

func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	for _, ip := range []string{"8.8.8.8", "1.1.1.1", "93.184.215.14", "172.15.0.1", "172.32.0.1", "100.63.0.1", "2606:4700::1111", "2a00:1450:4001::1"} {
		require.True(t, activities.IsPublic(ip), ip)
	}
	for _, ip := range []string{
		"0.0.0.0", "0.1.2.3", "10.1.2.3", "127.0.0.1", "127.1.2.3", "100.64.0.1", "100.127.255.255", "169.254.169.254", "172.16.0.1",
		"172.31.255.255", "192.168.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
		"203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16",
		"::", "::1", "::ffff:8.8.8.8", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1",
		"2001:db8::1", "2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1",
		"2606:4700::1111%eth0",
	} {
		require.False(t, activities.IsPublic(ip), ip)
	}
}

func TestTransientErrors(t *testing.T) {
	t.Parallel()
	link := func(err error) error { return &url.Error{Op: "Get", URL: "https://example.com/", Err: err} }
	op := func(err error) error { return link(&net.OpError{Op: "dial", Net: "tcp", Err: err}) }
	for _, err := range []error{
		op(syscall.ECONNRESET), op(syscall.ECONNREFUSED), op(syscall.EPIPE), op(syscall.EHOSTUNREACH), op(syscall.ENETUNREACH),
		op(syscall.ETIMEDOUT), link(io.EOF), link(io.ErrUnexpectedEOF), link(context.DeadlineExceeded), activities.ErrTooSlow,
		op(&net.DNSError{IsTemporary: true}), op(&net.DNSError{IsTimeout: true}),
	} {
		require.True(t, activities.IsTransient(err), "%v", err)
	}
	for _, err := range []error{
		op(&net.DNSError{IsNotFound: true}), op(activities.ErrAddressRefused), link(x509.UnknownAuthorityError{}), link(errors.New("malformed")),
	} {
		require.False(t, activities.IsTransient(err), "%v", err)
	}
}
