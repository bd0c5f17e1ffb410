package trainer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
)

// operation is one call of the client, and how its errors name it.
type operation struct {
	name string
	op   string
	call func(ctx context.Context, c *trainer.Client) error
}

// operations are all calls that are not submits.
var operations = []operation{
	{"TrainingStatus", "read the status", func(ctx context.Context, c *trainer.Client) error {
		_, err := c.TrainingStatus(ctx, "r1")
		return err
	}},
	{"GenerationStatus", "read the status", func(ctx context.Context, c *trainer.Client) error {
		_, err := c.GenerationStatus(ctx, "r1")
		return err
	}},
	{"TrainingResult", "fetch the result", func(ctx context.Context, c *trainer.Client) error {
		_, err := c.TrainingResult(ctx, "r1")
		return err
	}},
	{"GenerationResult", "fetch the result", func(ctx context.Context, c *trainer.Client) error {
		_, err := c.GenerationResult(ctx, "r1")
		return err
	}},
	{"CancelTraining", "cancel", func(ctx context.Context, c *trainer.Client) error {
		outcome, err := c.CancelTraining(ctx, "r1")
		if err == nil && outcome == trainer.Unknown404 {
			err = errBelieved
		}
		return err
	}},
	{"ErasePayload", "erase a payload", func(ctx context.Context, c *trainer.Client) error {
		return orBelieved(c.ErasePayload(ctx, "r1"))
	}},
	{"HideFile", "hide a file", func(ctx context.Context, c *trainer.Client) error {
		return orBelieved(c.HideFile(ctx, "https://files.example/a.zip"))
	}},
	{"FindTraining", "list the requests of an endpoint", func(ctx context.Context, c *trainer.Client) error {
		_, _, err := c.FindTraining(ctx, "https://files.example/a.zip", time.Unix(0, 0))
		return orBelieved(err)
	}},
	{"FindGeneration", "list the requests of an endpoint", func(ctx context.Context, c *trainer.Client) error {
		_, _, err := c.FindGeneration(ctx, trainer.GenerateRequest{Prompt: "p"}, time.Unix(0, 0))
		return orBelieved(err)
	}},
	{"FindGenerations", "list the requests of an endpoint", func(ctx context.Context, c *trainer.Client) error {
		_, err := c.FindGenerations(ctx, "https://files.example/w", time.Unix(0, 0))
		return orBelieved(err)
	}},
	{"TrainingDataset", "list the requests of an endpoint", func(ctx context.Context, c *trainer.Client) error {
		_, _, err := c.TrainingDataset(ctx, "r1", time.Unix(0, 0))
		return orBelieved(err)
	}},
	{"BillingEvents", "read billing events", func(ctx context.Context, c *trainer.Client) error {
		_, err := c.BillingEvents(ctx, trainer.BillingQuery{})
		return orBelieved(err)
	}},
	{"Upload", "begin an upload", func(ctx context.Context, c *trainer.Client) error {
		_, err := c.Upload(ctx, trainer.File{
			Size: 1, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte{1})), nil },
		}, time.Hour, nil)
		return err
	}},
}

// errBelieved stands for a success that rests on a 404.
var errBelieved = errors.New("the 404 was believed")

func orBelieved(err error) error {
	if err == nil {
		return errBelieved
	}
	return err
}

// A 404 can come from the service, from a gateway in front of it, or from another service at a wrong address. Only the
// first says anything, and only about its own interface.
func TestOnlyTheServicesOwn404IsBelieved(t *testing.T) {
	t.Parallel()
	const queue, platform = `404 {"status":"NOT_FOUND"}`, `404 {"error":{"type":"not_found","message":"secret"}}`
	own := map[string]string{
		"TrainingStatus": queue, "GenerationStatus": queue, "TrainingResult": queue, "GenerationResult": queue,
		"CancelTraining": queue, "ErasePayload": platform, "HideFile": platform,
	}
	for _, o := range operations {
		for name, answer := range map[string]string{
			"gateway": "404 <html>secret</html>", "empty": "404 ", "empty object": "404 {}", "framework": `404 {"detail":"Not Found"}`,
			"endpoint": `404 {"detail":"Application \"x\" not found"}`, "queue": queue, "platform": platform, "410 of a gateway": "410 <html>",
		} {
			t.Run(o.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				err := o.call(t.Context(), script(t, answer).client())
				if answer == own[o.name] {
					gone := errors.Is(err, trainer.ErrUnknownRequest) || errors.Is(err, trainer.ErrGone) || errors.Is(err, errBelieved)
					require.True(t, gone, "%v", err)
					return
				}
				require.Equal(t, persona.Unavailable, public(t, err).Kind)
				require.NotErrorIs(t, err, trainer.ErrUnknownRequest)
				require.NotErrorIs(t, err, trainer.ErrGone)
				require.NotErrorAs(t, err, new(*trainer.JobError))
				requireNoSecrets(t, err)
			})
		}
	}
}

// One 404 among other answers is not believed either, whoever wrote it.
func TestASingle404IsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, once string
		ok         string
	}{
		{"TrainingStatus", `404 {"status":"NOT_FOUND"}`, `200 {"status":"COMPLETED"}`},
		{"GenerationStatus", `404 {"status":"NOT_FOUND"}`, `200 {"status":"COMPLETED"}`},
		{"TrainingResult", `404 {"status":"NOT_FOUND"}`, `200 {"diffusers_lora_file":{"url":"http://files.example/w"}}`},
		{"GenerationResult", `404 {"status":"NOT_FOUND"}`, `200 {"images":[{"url":"http://files.example/i"}]}`},
		{"CancelTraining", `404 {"status":"NOT_FOUND"}`, `200 {"status":"OK"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, o := range operations {
				if o.name == c.name {
					require.NoError(t, o.call(t.Context(), script(t, c.once, c.once, c.ok).client()))
				}
			}
		})
	}
	for _, erase := range []func(*trainer.Client) error{
		func(c *trainer.Client) error { return c.ErasePayload(t.Context(), "r1") },
		func(c *trainer.Client) error { return c.HideFile(t.Context(), "https://files.example/a.zip") },
	} {
		s := script(t, `404 {"error":{"type":"not_found"}}`, `403 {"error":{"type":"authorization_error"}}`)
		require.ErrorIs(t, erase(s.client()), trainer.ErrNotPermitted)
	}
}

// Keys have separate permissions, so the error names the call, and says nothing final about the account or the job.
func TestRefusedPermissionsNameTheCall(t *testing.T) {
	t.Parallel()
	for _, o := range operations {
		for _, answer := range []string{
			`401 {"detail":"secret"}`, `402 {"detail":"secret"}`, `403 {"detail":"secret"}`, `403 <html>`,
			`403 {"error":{"type":"authorization_error","message":"secret"}}`,
			`403 {"detail":"User is locked. Reason: Exhausted balance."}`,
		} {
			t.Run(o.name+"/"+answer, func(t *testing.T) {
				t.Parallel()
				err := o.call(t.Context(), script(t, answer).client())
				var failed *trainer.CallError
				require.ErrorAs(t, err, &failed)
				require.True(t, failed.Permission())
				require.ErrorIs(t, err, trainer.ErrNotPermitted)
				require.Equal(t, o.op, failed.Op)
				require.Contains(t, err.Error(), o.op)
				require.Contains(t, public(t, err).Message, o.op)
				require.Equal(t, persona.Unavailable, public(t, err).Kind)
				requireNoSecrets(t, err)
			})
		}
	}
	t.Run("other failures", func(t *testing.T) {
		t.Parallel()
		for _, o := range operations {
			err := o.call(t.Context(), script(t, "500 ").client())
			var failed *trainer.CallError
			require.ErrorAs(t, err, &failed)
			require.False(t, failed.Permission())
			require.Equal(t, http.StatusInternalServerError, failed.Status)
		}
	})
}
