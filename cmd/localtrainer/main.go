// Command localtrainer runs the local trainer alone: a stand-in for fal.ai on this machine.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/inflio/persona/internal/localtrainer"
)

// stopTimeout is how long open requests may take after the signal to stop.
const stopTimeout = 5 * time.Second

type flags struct {
	Listen     string            `default:"127.0.0.1:8900" help:"Address to listen on. Other machines are served only if it is not a loopback address."`
	Data       string            `default:".persona/localtrainer" help:"Folder of jobs and files."`
	Key        string            `help:"The fal key to accept, with all permissions. Default: every key that is not empty."`
	LimitedKey map[string]string `placeholder:"KEY=PERMISSIONS" help:"A key to accept with some permissions: submit, read, cancel, admin, separated by commas. May be repeated."`
	Pace       time.Duration     `default:"0s" help:"Least duration of a training, so that its progress can be watched."`
	PublicURL  string            `help:"Address under which clients reach the server, if it is not the one it listens on."`
	Verbose    bool              `help:"Log every accepted and every ended request."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "localtrainer:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var f flags
	parser, err := kong.New(&f, kong.Name("localtrainer"), kong.Writers(stdout, stderr),
		kong.Description("A stand-in for fal.ai on this machine: fal's wire protocol in front of a small face model."))
	if err != nil {
		return err
	}
	if _, err := parser.Parse(doubleDashes(args)); err != nil {
		return err
	}
	level := slog.LevelWarn
	if f.Verbose {
		level = slog.LevelInfo
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", f.Listen, err)
	}
	defer listener.Close()
	limited := map[string][]localtrainer.Permission{}
	for key, list := range f.LimitedKey {
		if limited[key], err = localtrainer.ParsePermissions(list); err != nil {
			return err
		}
	}
	o := localtrainer.Options{
		Dir: f.Data, Key: f.Key, Keys: limited, Pace: f.Pace, PublicURL: f.PublicURL,
		Log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level})),
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return fmt.Errorf("%s is not a TCP address", listener.Addr())
	}
	o.AllowRemote = !address.IP.IsLoopback()
	if o.PublicURL == "" && !address.IP.IsUnspecified() {
		o.PublicURL = "http://" + address.String()
	}
	server, err := localtrainer.New(o)
	if err != nil {
		return err
	}
	announce(stdout, f.Key, address, o.PublicURL)
	return serve(ctx, listener, server)
}

// announce prints the address of the server and the settings for a client.
func announce(w io.Writer, key string, address *net.TCPAddr, public string) {
	if public == "" {
		public = fmt.Sprintf("http://127.0.0.1:%d", address.Port)
	}
	if key == "" {
		key = "local:trainer"
	}
	fmt.Fprintf(w, `The local trainer listens on %s. It implements fal.ai's protocol; its pictures are not made by FLUX.

export FAL_KEY=%s
export FAL_QUEUE_URL=%s
export FAL_REST_URL=%s
export FAL_API_URL=%s/v1

Webhooks are signed; the key is at %s/.well-known/jwks.json
Jobs and faults: %s/_local/jobs, %s/_local/faults
`, address, key, public, public, public, public, public, public)
}

// serve runs the queue and the HTTP server until ctx ends or one of them fails, then stops both.
func serve(ctx context.Context, listener net.Listener, server *localtrainer.Server) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	web := &http.Server{Handler: server.Handler(), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 2)
	go func() {
		defer cancel()
		done <- server.Run(ctx)
	}()
	go func() {
		defer cancel()
		if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			done <- err
			return
		}
		done <- nil
	}()
	<-ctx.Done()
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer stop()
	err := web.Shutdown(last)
	if errors.Is(err, context.DeadlineExceeded) {
		err = web.Close()
	}
	return errors.Join(err, <-done, <-done)
}

// doubleDashes allows flags with one dash, as the go command has them.
func doubleDashes(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		if len(a) > 2 && a[0] == '-' && a[1] != '-' && strings.ToLower(a[1:2]) == a[1:2] {
			a = "-" + a
		}
		out[i] = a
	}
	return out
}
