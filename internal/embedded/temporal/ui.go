package temporal

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/temporalio/ui-server/v2/server/api"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/csrf"
	"github.com/temporalio/ui-server/v2/server/headers"
	"github.com/temporalio/ui-server/v2/server/route"
	"github.com/temporalio/ui-server/v2/ui"
)

// startUI serves the Web UI on a socket that is open already.
func (s *Server) startUI(ctx context.Context, l net.Listener, namespace string) error {
	handler, err := uiHandler(s.Addr(), namespace)
	if err != nil {
		return fmt.Errorf("the Temporal Web UI cannot be set up: %w", err)
	}
	s.ui = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.ui.Serve(l) }() // until Stop closes it
	url := "http://" + l.Addr().String()
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if err := retry(ctx, func() error { return ask(ctx, url+"/healthz") }); err != nil {
		return fmt.Errorf("the Temporal Web UI on %s does not get ready: %w", l.Addr(), err)
	}
	s.uiURL = url
	return nil
}

// uiHandler puts the parts of the UI server together as its own NewServer does. That one opens its port itself, and
// ends the process when it cannot.
func uiHandler(frontend, namespace string) (http.Handler, error) {
	config, err := uiconfig.NewConfigProviderWithRefresh(&uiconfig.Config{
		TemporalGRPCAddress: frontend,
		EnableUI:            true,
		DefaultNamespace:    namespace,
		DisableNewsFetch:    true, // no request leaves the machine
		HideLogs:            true,
		CORS:                uiconfig.CORS{CookieInsecure: true}, // there is no TLS on loopback
	})
	if err != nil {
		return nil, err
	}
	assets, err := ui.Assets()
	if err != nil {
		return nil, err
	}
	if assets, err = fs.Sub(assets, "local"); err != nil {
		return nil, err
	}
	const cookieSecure, publicPath = false, ""
	e := echo.New()
	e.Use(middleware.Recover(), middleware.Gzip(), middleware.Secure(),
		csrf.EnsureTokenCookie(cookieSecure), middleware.CSRFWithConfig(csrf.MiddlewareConfig(config, cookieSecure)))
	route.SetHealthRoute(e)
	if err := route.SetAPIRoutes(e, config, []api.Middleware{headers.WithForwardHeaders([]string{"Caller-Type"})}); err != nil {
		return nil, err
	}
	route.SetAuthRoutes(e, config)
	if err := route.SetUIRoutes(e, publicPath, assets); err != nil {
		return nil, err
	}
	route.SetRenderRoute(e, publicPath)
	return e, nil
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
