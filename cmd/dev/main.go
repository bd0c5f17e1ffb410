// Command dev runs the whole system in one process on embedded real parts: PostgreSQL, Temporal with its Web UI, the
// local trainer, the API and the worker. Nothing has to be installed, set or started before.
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
	exitUsage  = 2 // the command line cannot be understood

	exitInterrupted = 130 // a second Ctrl-C cut the stopping short
)

type flags struct {
	Data     string        `default:".persona" placeholder:"DIR" help:"Folder of everything that must survive (${default})."`
	HTTP     string        `name:"http" default:"127.0.0.1:8080" placeholder:"ADDR" help:"Where the API listens (${default})."`
	Temporal string        `default:"127.0.0.1:7233" placeholder:"ADDR" help:"Where Temporal listens (${default})."`
	UI       string        `name:"ui" default:"127.0.0.1:8233" placeholder:"ADDR" help:"Where Temporal's Web UI listens (${default})."`
	Trainer  string        `default:"127.0.0.1:8900" placeholder:"ADDR" help:"Where the local trainer listens (${default})."`
	Metrics  string        `default:"${metrics}" placeholder:"ADDR" help:"Where metrics are served, or off (${default})."`
	Pace     time.Duration `default:"10s" placeholder:"TIME" help:"Time that every training takes at least, so that its progress can be watched (${default})."`
	Verbose  bool          `help:"Log what happens, not only what goes wrong."`
}

func main() {
	os.Exit(run(untilSignalled(), os.Args[1:], os.Stdout, os.Stderr))
}

// untilSignalled returns a context that ends with the first Ctrl-C. A second one ends the process at once; the next
// start cleans up after it. Tools that run programs may send both the same signal, hence the grace.
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

// run keeps the system up until ctx ends and returns the exit code.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	var f flags
	helped := false
	parser, err := kong.New(&f, kong.Name("dev"), kong.Writers(out, errs), kong.Exit(func(int) { helped = true }),
		kong.Vars{"metrics": app.DefaultAPIMetrics},
		kong.Description("The whole of Persona on this machine, for development. Ctrl-C stops it; the next start finds the data again."))
	if err != nil {
		panic(err) // the grammar above is wrong; any test finds it
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

// serve brings the parts up, waits, and takes them down again.
func serve(ctx context.Context, f flags, out io.Writer, log *slog.Logger) error {
	begun := time.Now()
	p := &parts{flags: f, out: out, log: log, failed: make(chan error, 1)}
	if err := p.up(ctx); err != nil {
		p.down()
		if ctx.Err() != nil {
			return nil //nolint:nilerr // Ctrl-C while starting: what the parts say then is no failure
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
		p.say("Stopped in %s. The next start carries on.", since(begun))
	}
	return failure
}

var oneDash = regexp.MustCompile(`^-[a-z][a-z-]+(=.*)?$`)

// longFlags lets flags be written with one dash, as Go programs have them: there are no short ones to confuse them with.
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
