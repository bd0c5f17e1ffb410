package temporal

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/server_options"
)

// startUI runs the Web UI in front of the server.
func (s *Server) startUI(ctx context.Context, addr, namespace string) error {
	at, err := reserve("the Temporal Web UI", addr)
	if err != nil {
		return err
	}
	host := at.ip
	if strings.Contains(host, ":") {
		host = "[" + host + "]" // the UI joins host and port with a bare colon
	}
	ui := server.NewServer(server_options.WithConfigProvider(&uiconfig.Config{
		TemporalGRPCAddress: s.addr,
		Host:                host,
		Port:                at.port,
		EnableUI:            true,
		DefaultNamespace:    namespace,
		DisableNewsFetch:    true, // it asks nobody outside for anything
		HideLogs:            true,
		CORS:                uiconfig.CORS{CookieInsecure: true}, // there is no TLS on loopback
	}))
	s.ui = ui
	go func() { _ = ui.Start() }() // blocks until Stop
	url := "http://" + at.String()
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if err := retry(ctx, func() error { return ask(ctx, url+"/healthz") }); err != nil {
		return fmt.Errorf("the Temporal Web UI on %s does not get ready: %w", at, err)
	}
	s.uiURL = url
	return nil
}

func ask(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered %s", resp.Status)
	}
	return nil
}
