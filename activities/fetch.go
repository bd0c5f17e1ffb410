package activities

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// Limits of fetching a photo from an address that a user gave.
const (
	fetchRedirects   = 5
	fetchConnectTime = 10 * time.Second // for each connection, and again for its TLS handshake
	fetchHeaderTime  = 15 * time.Second
	fetchHeaderBytes = 16 << 10

	// A body must bring paceBytes within every paceTime that is spent waiting for it.
	paceBytes = 64 << 10
	paceTime  = 10 * time.Second
)

// Errors of a fetch. None quotes the address.
var (
	errAddressRefused   = errors.New("photos are fetched only by https on port 443, from public addresses, without a user name")
	errTooManyRedirects = fmt.Errorf("the host of a photo redirects more than %d times", fetchRedirects)
	errTooSlow          = errors.New("the host of a photo sends too slowly")
)

// fetcher sends the requests of NewFetcher. Its fields are for tests; the zero value is for production.
type fetcher struct {
	base      http.RoundTripper
	roots     *x509.CertPool    // nil: those of the system
	addresses map[string]string // replaces name resolution for these "host:443"; the addresses are not checked
	pace      time.Duration     // 0: paceTime
}

// NewFetcher returns a client for addresses that users give us: https on port 443 only, no user name, no private,
// loopback, link-local, metadata or otherwise special address. Every request is checked, also after a redirect, and every
// IP address when it is connected to, after name resolution. timeout is for a whole fetch, with its redirects and its
// body; a body that comes too slowly ends earlier. A refused address gives errAddressRefused.
//
// The library safeurl has most of this, but its *http.Client checks only IP address and port: scheme and user name of a
// redirect would pass.
func NewFetcher(timeout time.Duration) *http.Client { return fetcher{}.client(timeout) }

func (f fetcher) client(timeout time.Duration) *http.Client {
	f.base = &http.Transport{
		// No proxy: it would connect for us, to addresses that nobody checks.
		DialContext:            f.dial,
		TLSClientConfig:        &tls.Config{RootCAs: f.roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    fetchConnectTime,
		ResponseHeaderTimeout:  fetchHeaderTime,
		MaxResponseHeaderBytes: fetchHeaderBytes,
		DisableCompression:     true, // a photo is compressed already; a body that grows when it is unpacked is an attack
		DisableKeepAlives:      true, // each request connects anew and is checked anew
	}
	return &http.Client{
		Transport: f, Timeout: timeout,
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > fetchRedirects {
				return errTooManyRedirects
			}
			return nil
		},
	}
}

// RoundTrip checks the address of one request and sends it. Redirects come here too. The request goes out without the
// headers that http.Client adds to it on the way, because they tell a host about other addresses of the user.
func (f fetcher) RoundTrip(req *http.Request) (*http.Response, error) {
	if !mayFetch(req.URL) {
		return nil, errAddressRefused
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	req = req.Clone(ctx)
	req.Header = http.Header{"Accept": {"image/jpeg, image/png"}}
	resp, err := f.base.RoundTrip(req)
	if err != nil {
		cancel(err)
		return nil, err
	}
	pace := f.pace
	if pace == 0 {
		pace = paceTime
	}
	resp.Body = &pacedBody{ReadCloser: resp.Body, ctx: ctx, cancel: cancel, pace: pace, left: pace}
	return resp, nil
}

func mayFetch(u *url.URL) bool {
	return u.Scheme == "https" && u.User == nil && u.Hostname() != "" && (u.Port() == "" || u.Port() == "443")
}

func (f fetcher) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: fetchConnectTime, Control: requirePublic}
	if replaced, ok := f.addresses[address]; ok {
		address, dialer.Control = replaced, nil
	}
	return dialer.DialContext(ctx, network, address)
}

// requirePublic is called for each IP address that is about to be connected to.
func requirePublic(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || at.Port() != 443 || !isPublic(at.Addr()) {
		return errAddressRefused
	}
	return nil
}

// special are the parts of the IPv4 and global IPv6 space that lead to our own network, to somebody's infrastructure or
// nowhere (IANA's registries of special-purpose addresses).
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", // this host, private, shared, loopback, link-local
	"192.0.0.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24", // protocols, AS112, AMT, 6to4 relays
	"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", // documentation, benchmarks
	"224.0.0.0/4", "240.0.0.0/4", // multicast, reserved, broadcast
	"168.63.129.16/32",  // Azure's metadata service, on a public address
	"2001::/23",         // Teredo, ORCHID and other protocols
	"2001:db8::/32",     // documentation
	"2002::/16",         // 6to4: an IPv4 address inside
	"2620:4f:8000::/48", // AS112
	"3fff::/20",         // documentation
)

// globalIPv6 is the only part of the IPv6 space that is given out. Outside are loopback, private, link-local, multicast
// and IPv4-mapped addresses, and the NAT64 prefixes.
var globalIPv6 = netip.MustParsePrefix("2000::/3")

func isPublic(ip netip.Addr) bool {
	if ip.Is6() && (ip.Zone() != "" || !globalIPv6.Contains(ip)) {
		return false
	}
	for _, p := range special {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}

// pacedBody ends a body that comes too slowly with errTooSlow. Time between reads does not count: there it is we who are
// slow.
type pacedBody struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	pace   time.Duration
	got    int           // bytes since left was last reset
	left   time.Duration // for the rest of paceBytes
}

func (b *pacedBody) Read(p []byte) (int, error) {
	timer := time.AfterFunc(b.left, func() { b.cancel(errTooSlow) })
	began := time.Now()
	n, err := b.ReadCloser.Read(p)
	timer.Stop()
	b.left -= time.Since(began)
	if b.got += n; b.got >= paceBytes {
		b.got, b.left = 0, b.pace
	}
	// Also at EOF: a host that notices that we hang up may end its body properly, and we would take half of it for all.
	if cause := context.Cause(b.ctx); err != nil && cause != nil {
		err = cause
	}
	return n, err
}

func (b *pacedBody) Close() error {
	defer b.cancel(context.Canceled)
	return b.ReadCloser.Close()
}

// isTransient reports whether a failed fetch may succeed later: timeouts, broken and refused connections, and name
// servers that fail. Refused addresses, unknown names and bad certificates are final.
func isTransient(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.IsTemporary || dns.IsTimeout
	}
	for _, broken := range []error{
		errTooSlow, io.EOF, io.ErrUnexpectedEOF,
		syscall.ECONNRESET, syscall.ECONNREFUSED, syscall.ECONNABORTED, syscall.EPIPE, syscall.EHOSTUNREACH, syscall.ENETUNREACH,
	} {
		if errors.Is(err, broken) {
			return true
		}
	}
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}
