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

// graceful is how long requests under way may take after the signal to stop.
const graceful = 5 * time.Second

type flags struct {
	Listen    string        `default:"127.0.0.1:8900" help:"Address to listen on. Only an address that is not loopback lets other machines in."`
	Data      string        `default:".persona/localtrainer" help:"Folder of jobs and files."`
	Key       string        `help:"The fal key to accept. Without one, any that is not empty."`
	Pace      time.Duration `default:"0s" help:"Time that every training takes at least, so that its progress can be watched."`
	PublicURL string        `help:"Address under which clients reach the server, when it is not the one it listens on."`
	Verbose   bool          `help:"Log every request that is accepted and that ends."`
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
	o := localtrainer.Options{
		Dir: f.Data, Key: f.Key, Pace: f.Pace, PublicURL: f.PublicURL,
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

// announce prints where the server is and what a client must be told.
func announce(w io.Writer, key string, address *net.TCPAddr, public string) {
	if public == "" {
		public = fmt.Sprintf("http://127.0.0.1:%d", address.Port)
	}
	if key == "" {
		key = "local:trainer"
	}
	fmt.Fprintf(w, `The local trainer listens on %s. It speaks fal.ai's protocol; its pictures are not FLUX's.

export FAL_KEY=%s
export FAL_QUEUE_URL=%s
export FAL_REST_URL=%s
export FAL_API_URL=%s/v1

Webhooks are signed; the key is at %s/.well-known/jwks.json
Jobs and faults: %s/_local/jobs, %s/_local/faults
`, address, key, public, public, public, public, public, public)
}

// serve runs the queue and the HTTP server, and stops both when ctx ends or one of them fails.
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
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), graceful)
	defer stop()
	err := web.Shutdown(last)
	if errors.Is(err, context.DeadlineExceeded) {
		err = web.Close()
	}
	return errors.Join(err, <-done, <-done)
}

// doubleDashes lets flags be written the way the go command writes them, with one dash.
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
