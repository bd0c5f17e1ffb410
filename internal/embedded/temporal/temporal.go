// Package temporal runs a whole Temporal server and its Web UI inside this process, on SQLite and on loopback only.
//
// It is for development and tests, and large: only cmd/dev and tests may link it.
package temporal

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/temporal"
)

// Options say where the server keeps its state and where it listens.
type Options struct {
	// File is the SQLite file with everything that must survive; "" keeps it in memory.
	File string
	// Addr is the host:port of the frontend, on a loopback address; "" takes a free port.
	Addr string
	// UIAddr is the host:port of the Web UI, on a loopback address; "" runs none.
	UIAddr string
	// Namespace is registered, with the product's search attributes and three days of retention; "" means "default".
	Namespace string
	// Log gets the server's warnings and errors. Nil discards them.
	Log *slog.Logger
}

// Server is a running Temporal server.
type Server struct {
	addr     string
	uiURL    string
	server   temporal.Server
	ui       stopper
	database sqlplugin.AdminDB
	log      *logger
	stop     sync.Once
	scrub    context.CancelFunc
	scrubbed chan struct{}
}

type stopper interface{ Stop() }

// scrubEvery is how long the bytes of a deleted history may stay in the file.
const scrubEvery = 5 * time.Second

// Start brings up the server and returns when the namespace is ready for clients and the Web UI answers. Every error
// is one sentence for the person who started the program.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	if o.Namespace == "" {
		o.Namespace = "default"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	frontend, err := reserve("Temporal", o.Addr)
	if err != nil {
		return nil, err
	}
	store, err := openStore(ctx, o.File)
	if err != nil {
		return nil, err
	}
	s := &Server{addr: frontend.String(), log: newLogger(o.Log), scrub: func() {}}
	defer func() {
		if err != nil {
			s.Stop()
		}
	}()
	if err := s.startServer(frontend, store, o.Namespace); err != nil {
		return nil, store.explain(err)
	}
	if err := awaitNamespace(ctx, s.addr, o.Namespace); err != nil {
		return nil, err
	}
	if o.UIAddr != "" {
		if err := s.startUI(ctx, o.UIAddr, o.Namespace); err != nil {
			return nil, err
		}
	}
	s.log.talk()
	return s, nil
}

// Addr is the host:port of the frontend, for SDK clients.
func (s *Server) Addr() string { return s.addr }

// UIURL is the address of the Web UI, "" when there is none.
func (s *Server) UIURL() string { return s.uiURL }

// Stop ends the server and waits for it; it takes a few seconds at most. Workers and clients should be stopped first.
// Stopping twice is harmless.
func (s *Server) Stop() {
	s.stop.Do(func() {
		s.log.hush() // a server that goes down complains about its own parts
		if s.ui != nil {
			s.ui.Stop()
		}
		s.scrub()
		if s.scrubbed != nil {
			<-s.scrubbed
		}
		if s.server != nil {
			_ = s.server.Stop()
		}
		if s.database != nil {
			scrub(s.database)
			_ = s.database.Close()
		}
	})
}

func (s *Server) startServer(frontend endpoint, store store, namespace string) error {
	settings, err := serverConfig(frontend, store)
	if err != nil {
		return err
	}
	if s.database, err = store.prepare(settings, namespace); err != nil {
		return err
	}
	server, err := temporal.NewServer(
		temporal.WithConfig(settings.Config),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(settings.hosts),
		temporal.WithLogger(s.log),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return authorization.NewNoopClaimMapper() }),
		temporal.WithDynamicConfigClient(dynamicSettings()),
	)
	if err != nil {
		return fmt.Errorf("the Temporal server cannot be set up: %w", err)
	}
	s.server = server // also when it fails to start: some of its services may run
	if err := server.Start(); err != nil {
		return fmt.Errorf("the Temporal server cannot be started: %w", err)
	}
	s.keepScrubbed(store)
	return nil
}

// keepScrubbed removes again and again what deleted histories left behind.
func (s *Server) keepScrubbed(store store) {
	if store.memory() {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.scrub, s.scrubbed = cancel, make(chan struct{})
	go func() {
		defer close(s.scrubbed)
		ticker := time.NewTicker(scrubEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				scrub(s.database)
			}
		}
	}()
}
