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

// checkAddresses looks whether every address can be had before anything is started, and replaces port 0 by a free one.
func (p *parts) checkAddresses(ctx context.Context) error {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for _, a := range []struct {
		flag string
		addr *string
	}{
		{"-http", &p.flags.HTTP},
		{"-temporal", &p.flags.Temporal},
		{"-ui", &p.flags.UI},
		{"-trainer", &p.flags.Trainer},
		{"-metrics", &p.flags.Metrics},
	} {
		if *a.addr == metricsOff && a.flag == "-metrics" {
			continue
		}
		host, _, err := net.SplitHostPort(*a.addr)
		if err != nil {
			return fmt.Errorf("%s %s is not an address: host:port is expected, such as 127.0.0.1:8080", a.flag, *a.addr)
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *a.addr)
		if errors.Is(err, syscall.EADDRINUSE) {
			return inUse(a.flag, *a.addr)
		}
		if err != nil {
			return fmt.Errorf("%s %s cannot be listened on: %w", a.flag, *a.addr, err)
		}
		held = append(held, l) // so that two flags with one port meet here
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return err
		}
		*a.addr = net.JoinHostPort(host, port)
	}
	return nil
}

func inUse(flag, addr string) error {
	return fmt.Errorf("the address %s is in use by another program: stop that one, or choose another address with %s", addr, flag)
}

// reachable is the address under which this machine reaches a server that listens on addr.
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

// answers reports whether a GET is answered with 200.
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
