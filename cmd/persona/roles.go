package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/inflio/persona/internal/app"
)

type (
	apiCommand     struct{}
	workerCommand  struct{}
	migrateCommand struct{}
)

type tokenCommand struct {
	Sub string        `required:"" placeholder:"NAME" help:"The user: the sub of the token."`
	TTL time.Duration `name:"ttl" default:"24h" help:"How long it is valid."`
}

type auditCommand struct {
	Verify auditVerifyCommand `cmd:"" help:"Check the hash chain of every user; the exit code is 1 if one is broken."`
}

type auditVerifyCommand struct{}

func (apiCommand) Run(ctx context.Context) error { return serve(ctx, app.RoleAPI) }

func (workerCommand) Run(ctx context.Context) error { return serve(ctx, app.RoleWorker) }

// serve runs one role until ctx ends. Logs are JSON lines on the error stream.
func serve(ctx context.Context, role app.Role) error {
	cfg, err := app.LoadConfig()
	cfg.Roles = []app.Role{role}
	if err != nil {
		return cfg.Check() // reports it with all other problems
	}
	a, err := app.New(ctx, cfg, slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	defer a.Close()
	return a.Run(ctx)
}

func (migrateCommand) Run(ctx context.Context, t *terminal) error {
	cfg, err := app.LoadConfig()
	if err != nil {
		return err
	}
	if err := app.Migrate(ctx, cfg); err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.out, "The database is up to date.")
	return err
}

func (c tokenCommand) Run(t *terminal) error {
	if c.TTL <= 0 {
		return &exitError{code: exitUsage, message: "persona: --ttl must be positive, for example 24h."}
	}
	cfg, err := app.LoadConfig()
	if err != nil {
		return err
	}
	token, err := app.NewToken(cfg, c.Sub, c.TTL)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.out, token)
	return err
}

func (auditVerifyCommand) Run(ctx context.Context, t *terminal) error {
	cfg, err := app.LoadConfig()
	if err != nil {
		return err
	}
	result, err := app.VerifyAudit(ctx, cfg)
	if err != nil {
		return err
	}
	for _, broken := range result.Broken {
		if _, err := fmt.Fprintln(t.out, broken); err != nil {
			return err
		}
	}
	if len(result.Broken) > 0 {
		return &exitError{code: exitFailed, message: fmt.Sprintf("The audit log is broken in %s.", plural(len(result.Broken), "place"))}
	}
	_, err = fmt.Fprintf(t.out, "The audit log is intact: %s of %s.\n", plural(result.Entries, "entry"), plural(result.Users, "user"))
	return err
}
