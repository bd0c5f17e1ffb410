// Package temporal runs a complete Temporal server and its Web UI in this process, on SQLite and on loopback addresses.
//
// It is for development and tests. It is large: only cmd/dev and tests may link it.
package temporal

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
)

// Options say where the server keeps its state and where it listens.
type Options struct {
	// File is the SQLite file that keeps everything between starts; "" keeps it in memory.
	File string
	// Listener is the socket of the frontend, bound to a loopback address. Start takes it over and closes it, also when
	// it fails. Nil opens a free port.
	Listener net.Listener
	// UIListener is the same for the Web UI. Nil runs no Web UI.
	UIListener net.Listener
	// Namespace is registered, with the product's search attributes and three days of retention; "" means "default".
	Namespace string
	// Log gets the server's warnings and errors. Nil discards them.
	Log *slog.Logger
}

// Server is a running Temporal server.
type Server struct {
	sockets  listeners
	uiURL    string
	server   temporal.Server
	ui       *http.Server
	database sqlplugin.AdminDB
	log      *logger
	stop     sync.Once

	// Services that did not start in time cannot be stopped, and end the process when their sockets are closed.
	startFailed bool

	scrub    context.CancelFunc
	scrubbed chan struct{}
}

// scrubEvery is the longest time that the bytes of a deleted history stay in the file.
const scrubEvery = 5 * time.Second

// Start brings up the server and returns when the namespace is ready for clients and the Web UI answers. Every error
// is one sentence for the person who started the program.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	if o.Namespace == "" {
		o.Namespace = client.DefaultNamespace
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{log: newLogger(o.Log), scrub: func() {}}
	defer func() {
		if err == nil {
			return
		}
		if s.sockets == nil && o.Listener != nil {
			_ = o.Listener.Close()
		}
		if o.UIListener != nil {
			_ = o.UIListener.Close()
		}
		s.Stop()
	}()
	for what, l := range map[string]net.Listener{"Temporal": o.Listener, "the Temporal Web UI": o.UIListener} {
		if l != nil {
			if err := requireLoopback(what, l); err != nil {
				return nil, err
			}
		}
	}
	store, err := openStore(ctx, o.File)
	if err != nil {
		return nil, err
	}
	if s.sockets, err = listenAll(ctx, o.Listener); err != nil {
		return nil, err
	}
	if err := s.startServer(store, o.Namespace); err != nil {
		return nil, store.explain(err)
	}
	if err := awaitNamespace(ctx, s.Addr(), o.Namespace); err != nil {
		return nil, err
	}
	if o.UIListener != nil {
		if err := s.startUI(ctx, o.UIListener, o.Namespace); err != nil {
			return nil, err
		}
	}
	s.log.setQuiet(false)
	return s, nil
}

// Addr is the host:port of the frontend, for SDK clients.
func (s *Server) Addr() string { return s.sockets[primitives.FrontendService].Addr().String() }

// UIURL is the address of the Web UI, "" when there is none.
func (s *Server) UIURL() string { return s.uiURL }

// Stop ends the server and waits for it; it takes a few seconds at most. Workers and clients should be stopped first.
// Stopping twice is harmless.
func (s *Server) Stop() {
	s.stop.Do(func() {
		s.log.setQuiet(true)
		if s.ui != nil {
			_ = s.ui.Close()
		}
		s.scrub()
		if s.scrubbed != nil {
			<-s.scrubbed
		}
		if s.server != nil {
			_ = s.server.Stop()
		}
		if !s.startFailed {
			s.sockets.close()
		}
		if s.database != nil {
			scrub(s.database)
			_ = s.database.Close()
		}
	})
}

func (s *Server) startServer(store store, namespace string) error {
	settings, err := serverConfig(s.sockets, store)
	if err != nil {
		return err
	}
	if s.database, err = store.prepare(settings, namespace); err != nil {
		return err
	}
	server, err := temporal.NewServerFx(s.sockets.module(),
		temporal.WithConfig(settings),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(s.sockets.hosts()),
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
		s.startFailed = true
		return fmt.Errorf("the Temporal server cannot be started: %w", err)
	}
	s.keepScrubbed(store)
	return nil
}

// keepScrubbed runs scrub on the file every scrubEvery, until Stop.
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
