package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/inflio/persona/internal/app"
	"github.com/inflio/persona/internal/embedded/folder"
	"github.com/inflio/persona/internal/embedded/postgres"
	"github.com/inflio/persona/internal/embedded/temporal"
	"github.com/inflio/persona/internal/localtrainer"
)

// How long stopping may take, in all and for each part. A part that takes longer is cut off; the next start recovers as
// after a kill. PostgreSQL is stopped last and gets the time that the others left.
const (
	stopTimeout         = 9 * time.Second
	appStopTimeout      = 5500 * time.Millisecond
	trainerStopTimeout  = 500 * time.Millisecond
	temporalStopTimeout = 1500 * time.Millisecond
)

// appRole is the app's role in the database; the migrations create it.
const appRole = "persona_app"

// databaseName is the database of the app in the private cluster.
const databaseName = "persona"

// databaseURLName is the file that holds the superuser's address of the database while the system runs.
const databaseURLName = "database.url"

// parts are the running parts of the system and how to stop them.
type parts struct {
	flags   flags
	out     io.Writer
	log     *slog.Logger
	failed  chan error // receives the error of a part that ended by itself
	stops   []func()
	latest  time.Time // when stopping must be finished
	dir     string
	sockets sockets
	secrets secrets
	config  app.Config
}

// up starts the parts in the order of their dependencies. Every error is one sentence.
func (p *parts) up(ctx context.Context) error {
	if err := p.openFolder(); err != nil {
		return err
	}
	if err := p.listen(ctx); err != nil {
		return err
	}
	var err error
	if p.secrets, err = loadSecrets(p.dir); err != nil {
		return err
	}
	if p.config, err = app.LoadConfig(); err != nil {
		return err
	}
	p.adapt()
	for _, step := range []struct {
		name  string
		start func(context.Context) error
	}{
		{"PostgreSQL", p.startPostgres},
		{"migrations", func(ctx context.Context) error { return app.Migrate(ctx, p.config) }},
		{"Temporal", p.startTemporal},
		{"local trainer", p.startTrainer},
		{"API and worker", p.startApp},
	} {
		begun := time.Now()
		if err := step.start(ctx); err != nil {
			return err
		}
		p.say("  %-15s %s", step.name, since(begun))
	}
	return nil
}

// down stops what up started, in reverse order.
func (p *parts) down() {
	p.latest = time.Now().Add(stopTimeout + p.config.StopTimeout()) // a purchase that was just sent is finished
	for _, stop := range slices.Backward(p.stops) {
		stop()
	}
	p.stops = nil
}

// path is a path below the data folder.
func (p *parts) path(names ...string) string {
	return filepath.Join(append([]string{p.dir}, names...)...)
}

func (p *parts) onStop(stop func()) { p.stops = append(p.stops, stop) }

func (p *parts) say(format string, args ...any) { _, _ = fmt.Fprintf(p.out, format+"\n", args...) }

func since(begun time.Time) time.Duration { return time.Since(begun).Round(10 * time.Millisecond) }

// fail reports that a part ended by itself.
func (p *parts) fail(err error) {
	select {
	case p.failed <- err:
	default: // only the first failure is reported
	}
}

// openFolder makes the data folder and locks it.
func (p *parts) openFolder() error {
	dir, err := folder.Make(p.flags.Data)
	if err != nil {
		return fmt.Errorf("the data folder %s cannot be used: %w", p.flags.Data, err)
	}
	p.dir = dir
	lock, err := folder.Lock(filepath.Join(dir, "lock"))
	switch {
	case errors.Is(err, folder.ErrLocked):
		return fmt.Errorf("the data folder %s cannot be used, %w: stop that one first, or choose another folder with -data", dir, err)
	case err != nil:
		return fmt.Errorf("the data folder %s cannot be used: %w", dir, err)
	}
	p.onStop(func() { _ = folder.Unlock(lock) })
	if err := os.MkdirAll(p.path("blobs"), 0o700); err != nil {
		return fmt.Errorf("the data folder %s cannot be used: %w", dir, err)
	}
	p.say("Starting Persona in %s", dir)
	return nil
}

// adapt replaces the settings that the embedded parts determine. The others (photo limits, token settings, intervals)
// stay as the environment has them.
func (p *parts) adapt() {
	c := &p.config
	c.Roles = []app.Role{app.RoleAPI, app.RoleWorker}
	c.HTTPAddr, c.MetricsAddr = p.flags.HTTP, p.flags.Metrics
	if os.Getenv("PERSONA_PUBLIC_URL") == "" {
		c.PublicURL = "http://" + reachable(p.flags.HTTP)
	}
	c.AppPassword = app.Secret(p.secrets.AppPassword)
	c.KeyURL, c.IDKey = app.Secret(p.secrets.KeyURL), app.Secret(p.secrets.IDKey)
	blobs := url.URL{Scheme: "file", Path: filepath.ToSlash(p.path("blobs"))}
	// Unfinished blobs are written beside the finished ones: the temporary folder may be on another disk.
	blobs.RawQuery = url.Values{"no_tmp_dir": {"true"}}.Encode()
	c.BlobURL = blobs.String()
	c.AllowShortSecret = true
	if c.AuthSecret == "" {
		c.AuthSecret = "dev-secret"
	}
	trainer := "http://" + p.flags.Trainer
	c.FalKey, c.FalQueueURL, c.FalRESTURL, c.FalAPIURL = app.Secret(p.secrets.FalKey), trainer, trainer, trainer+"/v1"
	if os.Getenv("PERSONA_POLL_INTERVAL") == "" {
		c.PollInterval = time.Second // the trainer is on this machine, and a person may be watching
	}
	if os.Getenv("PERSONA_SUBMIT_TIMEOUT") == "" && os.Getenv("PERSONA_ABSENCE_PROOF") == "" {
		// The local trainer lists a job before it answers the submit: a job that is not listed afterwards does not exist.
		c.SubmitWait, c.AbsenceProof = 5*time.Second, 6*time.Second
	}
	// TEMPORAL_* and its profile are ignored: they may name a shared server.
	c.Temporal = client.Options{HostPort: p.flags.Temporal, Namespace: client.DefaultNamespace}
}

func (p *parts) startPostgres(ctx context.Context) error {
	server, err := postgres.Start(ctx, postgres.Options{Dir: p.path("postgres"), Log: p.log})
	if err != nil {
		return err
	}
	stopping := make(chan struct{})
	p.onStop(func() {
		close(stopping)
		ctx, cancel := context.WithDeadline(context.Background(), p.latest)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			p.log.Warn("PostgreSQL", "error", err)
		}
	})
	go func() {
		select {
		case <-stopping:
		case <-server.Exited():
			p.fail(errors.New("PostgreSQL ended unexpectedly; the next start recovers the data"))
		}
	}()
	if err := server.CreateDatabase(ctx, databaseName); err != nil {
		return fmt.Errorf("the database cannot be made: %w", err)
	}
	owner := server.URL(databaseName)
	// For people: psql "$(cat .persona/database.url)". The port changes with each start.
	if err := folder.WriteFile(filepath.Join(p.dir, databaseURLName), []byte(owner)); err != nil {
		return fmt.Errorf("the data folder %s cannot be used: %w", p.dir, err)
	}
	asApp, err := url.Parse(owner)
	if err != nil {
		return err
	}
	asApp.User = url.UserPassword(appRole, p.secrets.AppPassword)
	p.config.MigrateURL, p.config.DatabaseURL = app.Secret(owner), app.Secret(asApp.String())
	return nil
}

func (p *parts) startTemporal(ctx context.Context) error {
	server, err := temporal.Start(ctx, temporal.Options{
		File: p.path("temporal", "temporal.db"), Listener: p.sockets.temporal, UIListener: p.sockets.ui,
		Namespace: client.DefaultNamespace, Log: p.log,
	})
	if err != nil {
		return err
	}
	p.onStop(func() { within(temporalStopTimeout, server.Stop) })
	return nil
}

func (p *parts) startTrainer(ctx context.Context) error {
	trainer, err := localtrainer.New(localtrainer.Options{
		Dir: p.path("localtrainer"), PublicURL: "http://" + p.flags.Trainer, Key: p.secrets.FalKey,
		Pace: p.flags.Pace, Log: p.log,
	})
	if err != nil {
		return fmt.Errorf("the local trainer cannot use %s: %w", p.path("localtrainer"), err)
	}
	web := &http.Server{Handler: trainer.Handler(), ReadHeaderTimeout: 10 * time.Second}
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	worked := make(chan struct{})
	go func() {
		defer close(worked)
		if err := trainer.Run(working); err != nil {
			p.fail(fmt.Errorf("the local trainer ended: %w", err))
		}
	}()
	go func() {
		if err := web.Serve(p.sockets.trainer); !errors.Is(err, http.ErrServerClosed) {
			p.fail(fmt.Errorf("the local trainer ended: %w", err))
		}
	}()
	p.onStop(func() {
		stopWork()
		_ = web.Close()
		within(trainerStopTimeout, func() { <-worked })
	})
	return nil
}

func (p *parts) startApp(ctx context.Context) error {
	system, err := app.New(ctx, p.config, p.log)
	if err != nil {
		return err
	}
	system.UseListeners(map[string]net.Listener{p.flags.HTTP: p.sockets.http, p.flags.Metrics: p.sockets.metrics})
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	var failure error // valid once ended is closed
	go func() {
		defer close(ended)
		failure = system.Run(running)
	}()
	p.onStop(func() {
		stop()
		within(appStopTimeout+p.config.StopTimeout(), func() {
			<-ended
			system.Close()
		})
	})
	ready, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for !answers(ready, "http://"+reachable(p.flags.HTTP)+"/readyz") {
		select {
		case <-ended:
			return cmp.Or(failure, errors.New("the API ended while it started"))
		case <-ready.Done():
			return fmt.Errorf("the API on %s does not get ready", p.flags.HTTP)
		case <-time.After(20 * time.Millisecond):
		}
	}
	go func() {
		<-ended
		p.fail(cmp.Or(failure, errors.New("the API and the worker ended")))
	}()
	return nil
}

// within runs stop and waits for it, at most for timeout: the process ends soon after, so what is left may go on.
func within(timeout time.Duration, stop func()) {
	done := make(chan struct{})
	go func() { stop(); close(done) }()
	select {
	case <-done:
	case <-time.After(timeout):
	}
}
