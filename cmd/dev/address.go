package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"
)

// metricsOff is the address for metrics with which none are served.
const metricsOff = "off"

// sockets are the listeners of the parts. They are opened before anything else is started and handed to the parts, so
// that no other program can take an address in between.
type sockets struct {
	http, temporal, ui, trainer, metrics net.Listener
}

// listen opens every address of the flags, and replaces port 0 in the flags by the port that was chosen.
func (p *parts) listen(ctx context.Context) error {
	for _, a := range []struct {
		flag   string
		addr   *string
		socket *net.Listener
	}{
		{"-http", &p.flags.HTTP, &p.sockets.http},
		{"-temporal", &p.flags.Temporal, &p.sockets.temporal},
		{"-ui", &p.flags.UI, &p.sockets.ui},
		{"-trainer", &p.flags.Trainer, &p.sockets.trainer},
		{"-metrics", &p.flags.Metrics, &p.sockets.metrics},
	} {
		if *a.addr == metricsOff && a.flag == "-metrics" {
			continue
		}
		host, _, err := net.SplitHostPort(*a.addr)
		if err != nil {
			return fmt.Errorf("%s %s is not an address: host:port is expected, such as 127.0.0.1:8080", a.flag, *a.addr)
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *a.addr)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			return fmt.Errorf("the address %s is in use by another program: stop that one, or choose another address with %s", *a.addr, a.flag)
		case err != nil:
			return fmt.Errorf("%s %s cannot be listened on: %w", a.flag, *a.addr, err)
		}
		p.onStop(func() { _ = l.Close() }) // no error when its part closed it already
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return err
		}
		*a.addr, *a.socket = net.JoinHostPort(host, port), l
	}
	return nil
}

// reachable returns an address at which this machine reaches a server that listens on addr.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

// answers reports whether a GET request gets the status 200.
func answers(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
