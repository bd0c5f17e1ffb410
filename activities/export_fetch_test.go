package activities

import (
	"crypto/x509"
	"net/http"
	"net/netip"
	"time"
)

// Limits of a fetch.
const (
	FetchRedirects = fetchRedirects
	FetchAttempts  = fetchAttempts
)

// ErrAddressRefused and ErrTooSlow are errors of a fetch.
var (
	ErrAddressRefused = errAddressRefused
	ErrTooSlow        = errTooSlow
)

// NewTestFetcher is NewFetcher for servers of a test: addresses maps their "host:443" to where they listen, and roots
// has their certificates. Everything else is checked as in production.
func NewTestFetcher(timeout, pace time.Duration, roots *x509.CertPool, addresses map[string]string) *http.Client {
	return fetcher{roots: roots, addresses: addresses, pace: pace}.client(timeout)
}

// IsPublic reports whether an address may be connected to.
func IsPublic(ip string) bool { return isPublic(netip.MustParseAddr(ip)) }

// IsTransient reports whether a failed fetch may succeed later.
func IsTransient(err error) bool { return isTransient(err) }
