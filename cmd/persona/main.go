// Command persona is the production binary: the API, the worker, the migrations of the database, and tools for a
// terminal. It has flags and wiring only.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes, for scripts.
const (
	exitOK          = 0
	exitFailed      = 1   // the command or the training failed
	exitUsage       = 2   // the command line is not valid
	exitInterrupted = 130 // Ctrl-C
)

type commands struct {
	API     apiCommand     `cmd:"" name:"api" help:"Serve the HTTP API."`
	Worker  workerCommand  `cmd:"" help:"Run workflows and activities."`
	Migrate migrateCommand `cmd:"" help:"Migrate the database to this version."`
	Token   tokenCommand   `cmd:"" help:"Print a token for a user, signed with PERSONA_AUTH_SECRET."`
	Audit   auditCommand   `cmd:"" help:"Check the audit log."`

	Train  trainCommand  `cmd:"" help:"Train a persona from a folder of photos."`
	Status statusCommand `cmd:"" help:"Follow a training until it ends."`
	List   listCommand   `cmd:"" help:"List your personas."`
	Cancel cancelCommand `cmd:"" help:"Stop a training."`
	Delete deleteCommand `cmd:"" help:"Erase a persona and print the certificate."`
	Score  scoreCommand  `cmd:"" help:"Score photos on this computer; nothing is sent."`
	Eval   evalCommand   `cmd:"" help:"Measure how well photos are judged, on photos with labels."`
	Sitter sitterCommand `cmd:"" help:"Draw photos of a person who does not exist, for trying things out."`

	URL  string `env:"PERSONA_URL" default:"http://127.0.0.1:8080" placeholder:"URL" help:"Address of the API."`
	Auth string `name:"auth-token" env:"PERSONA_TOKEN" placeholder:"TOKEN" help:"Your token; better given as PERSONA_TOKEN."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// terminal is where a command writes. Results go to out, messages and progress to err.
type terminal struct {
	out, err io.Writer
	live     bool // out is a screen on which a line can be redrawn
	liveErr  bool // the same for err
	http     *http.Client
}

// exitError ends the program with an exit code after printing message, if there is one.
type exitError struct {
	code    int
	message string
}

func (e *exitError) Error() string { return e.message }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], &terminal{
		out: os.Stdout, err: os.Stderr, live: isScreen(os.Stdout), liveErr: isScreen(os.Stderr),
		http: newHTTPClient(),
	})
	stop()
	os.Exit(code)
}

// isScreen reports whether f is a terminal that supports a carriage return.
func isScreen(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// run executes one command line and returns the exit code. ctx ends when the user interrupts.
func run(ctx context.Context, args []string, t *terminal) int {
	var c commands
	helped := false
	parser, err := kong.New(&c,
		kong.Name("persona"), kong.Description("Private likeness models of consenting people."),
		kong.Writers(t.out, t.err), kong.Exit(func(int) { helped = true }),
		kong.Vars{"version": "persona " + buildVersion()},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(t, &c),
	)
	if err != nil {
		panic(err) // the declaration of commands is wrong; every test finds it
	}
	args = longFlags(args)
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if helped {
		return exitOK
	}
	if err != nil {
		_, _ = fmt.Fprintf(t.err, "persona: %v\nRun persona --help to see the commands, persona COMMAND --help for one of them.\n", err)
		return exitUsage
	}
	return report(ctx, t, parsed.Run())
}

// report prints the error of a command and returns the exit code.
func report(ctx context.Context, t *terminal, err error) int {
	var exit *exitError
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		_, _ = fmt.Fprintln(t.err, "Interrupted.")
		return exitInterrupted
	case errors.As(err, &exit):
		if exit.message != "" {
			_, _ = fmt.Fprintln(t.err, exit.message)
		}
		return exit.code
	}
	_, _ = fmt.Fprintln(t.err, "persona:", err)
	return exitFailed
}

var oneDash = regexp.MustCompile(`^-[a-z][a-z-]+(=.*)?$`)

// longFlags accepts flags with one dash, as Go programs do. There are no short flags that it could be confused with.
func longFlags(args []string) []string {
	out := make([]string, 0, len(args))
	for i, arg := range args {
		if arg == "--" {
			return append(out, args[i:]...)
		}
		if oneDash.MatchString(arg) {
			arg = "-" + arg
		}
		out = append(out, arg)
	}
	return out
}

func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= 12 && !strings.Contains(version, setting.Value[:12]) {
			version += " " + setting.Value[:12]
		}
	}
	return version
}
