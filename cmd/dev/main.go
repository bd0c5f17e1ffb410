// Command dev runs the whole system in one process with embedded parts: PostgreSQL, Temporal with its Web UI, the local
// trainer, the API and the worker. Nothing has to be installed, configured or started before.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/inflio/persona/internal/app"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the system could not be started, or one of its parts ended by itself
	exitUsage  = 2 // the command line is invalid

	exitInterrupted = 130 // a second Ctrl-C ended the process before everything was stopped
)

type flags struct {
	Data     string        `default:".persona" placeholder:"DIR" help:"Folder for all data (${default})."`
	HTTP     string        `name:"http" default:"127.0.0.1:8080" placeholder:"ADDR" help:"Where the API listens (${default})."`
	Temporal string        `default:"127.0.0.1:7233" placeholder:"ADDR" help:"Where Temporal listens (${default})."`
	UI       string        `name:"ui" default:"127.0.0.1:8233" placeholder:"ADDR" help:"Where Temporal's Web UI listens (${default})."`
	Trainer  string        `default:"127.0.0.1:8900" placeholder:"ADDR" help:"Where the local trainer listens (${default})."`
	Metrics  string        `default:"${metrics}" placeholder:"ADDR" help:"Where metrics are served, or off (${default})."`
	Pace     time.Duration `default:"10s" placeholder:"TIME" help:"Minimum duration of a training, so that its progress can be watched (${default})."`
	Verbose  bool          `help:"Log information too, not only warnings and errors."`
}

func main() {
	os.Exit(run(untilSignalled(), os.Args[1:], os.Stdout, os.Stderr))
}

// untilSignalled returns a context that ends with the first Ctrl-C. A second one ends the process at once; the next
// start recovers. Tools that run programs may send one Ctrl-C twice, so a second signal within the grace is ignored.
func untilSignalled() context.Context {
	const grace = time.Second
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-signals
		cancel()
		first := time.Now()
		for range signals {
			if time.Since(first) > grace {
				os.Exit(exitInterrupted)
			}
		}
	}()
	return ctx
}

// run runs the system until ctx ends and returns the exit code.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	var f flags
	helped := false
	parser, err := kong.New(&f, kong.Name("dev"), kong.Writers(out, errs), kong.Exit(func(int) { helped = true }),
		kong.Vars{"metrics": app.DefaultAPIMetrics},
		kong.Description("Runs all of Persona on this machine, for development. Ctrl-C stops it; the next start continues with the same data."))
	if err != nil {
		panic(err) // a mistake in the flags above; every test finds it
	}
	_, err = parser.Parse(longFlags(args))
	if helped {
		return exitOK
	}
	if err != nil {
		_, _ = fmt.Fprintf(errs, "dev: %v\nRun it with -help to see the flags.\n", err)
		return exitUsage
	}
	level := slog.LevelWarn
	if f.Verbose {
		level = slog.LevelInfo
	}
	log := slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: level}))
	if err := serve(ctx, f, out, log); err != nil {
		_, _ = fmt.Fprintln(errs, "dev:", err)
		return exitFailed
	}
	return exitOK
}

// serve starts the parts, waits for ctx or a failure, and stops them.
func serve(ctx context.Context, f flags, out io.Writer, log *slog.Logger) error {
	begun := time.Now()
	p := &parts{flags: f, out: out, log: log, failed: make(chan error, 1)}
	if err := p.up(ctx); err != nil {
		p.down()
		if ctx.Err() != nil {
			return nil //nolint:nilerr // Ctrl-C while starting: the errors that follow from it are not failures
		}
		return err
	}
	p.announce(time.Since(begun))
	var failure error
	select {
	case <-ctx.Done():
		p.say("Stopping …")
	case failure = <-p.failed:
	}
	begun = time.Now()
	p.down()
	if failure == nil {
		p.say("Stopped in %s. The next start continues.", since(begun))
	}
	return failure
}

var oneDash = regexp.MustCompile(`^-[a-z][a-z-]+(=.*)?$`)

// longFlags lets flags be written with one dash, as in other Go programs. There are no short flags, so this is
// unambiguous.
func longFlags(args []string) []string {
	long := make([]string, len(args))
	for i, arg := range args {
		if oneDash.MatchString(arg) {
			arg = "-" + arg
		}
		long[i] = arg
	}
	return long
}
