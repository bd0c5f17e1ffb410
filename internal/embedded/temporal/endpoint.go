package temporal

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// endpoint is an address that nobody listens on yet.
type endpoint struct {
	ip   string
	port int
}

func (e endpoint) String() string { return net.JoinHostPort(e.ip, strconv.Itoa(e.port)) }

// reserve checks that an address is on the loopback interface and free; "" takes a free port. The server opens its
// ports itself and ends the whole process when it cannot, so it is never asked to before this has looked.
func reserve(what, address string) (endpoint, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return endpoint{}, fmt.Errorf("%s cannot listen on %q: it is not a host and port", what, address)
	}
	if !resolved.IP.IsLoopback() {
		return endpoint{}, fmt.Errorf("%s cannot listen on %s: it asks nobody for a password, so only a loopback address such as 127.0.0.1 will do", what, address)
	}
	l, err := net.ListenTCP("tcp", resolved)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return endpoint{}, fmt.Errorf("%s cannot listen on %s: the port is in use by another program", what, address)
		}
		return endpoint{}, fmt.Errorf("%s cannot listen on %s: %w", what, address, err)
	}
	bound, err := netip.ParseAddrPort(l.Addr().String())
	return endpoint{ip: bound.Addr().String(), port: int(bound.Port())}, errors.Join(err, l.Close())
}
