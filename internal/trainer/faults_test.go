package trainer_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
)

// A key without one permission is refused for that call only.
func TestKeysOfTheLocalTrainer(t *testing.T) {
	t.Parallel()
	_, server := local(t, 0)
	ctx := t.Context()
	submits, reads, usual := clientOf(server, "submit:only"), clientOf(server, "read:only"), clientOf(server, "all:but-admin")
	request := trainer.GenerateRequest{Prompt: "p", Width: 64, Height: 64}
	id, err := submits.SubmitGeneration(ctx, request)
	require.NoError(t, err)
	_, err = submits.GenerationStatus(ctx, id)
	require.ErrorIs(t, err, trainer.ErrNotPermitted)
	_, err = reads.GenerationStatus(ctx, id)
	require.NoError(t, err)
	_, err = reads.SubmitGeneration(ctx, request)
	require.Equal(t, trainer.Denied, submitError(t, err).Outcome)
	_, err = reads.CancelGeneration(ctx, id)
	require.ErrorIs(t, err, trainer.ErrNotPermitted)
	require.ErrorContains(t, err, "cancel")
	_, err = usual.CancelGeneration(ctx, id)
	require.NoError(t, err)
	_, found, err := usual.FindGeneration(ctx, request, time.Now())
	require.NoError(t, err)
	require.True(t, found)
	require.ErrorIs(t, usual.ErasePayload(ctx, id), trainer.ErrNotPermitted)
	_, err = usual.BillingEvents(ctx, trainer.BillingQuery{})
	require.ErrorIs(t, err, trainer.ErrNotPermitted)
}

// Each 404 of the local trainer's faults, short and long.
func TestNotFoundFaultsOfTheLocalTrainer(t *testing.T) {
	t.Parallel()
	client, server := local(t, 0)
	ctx, began := t.Context(), time.Now()
	request := trainer.GenerateRequest{Prompt: "p", LoRAURL: "", Seed: 7, Width: 64, Height: 64}
	burst := func(on, effect string, times int) {
		order(t, server, fmt.Sprintf(`{"on":%q,"effect":%q,"times":%d}`, on, effect, times))
	}
	order(t, server, `{"on":"generate","effect":"lost_reply"}`)
	_, err := client.SubmitGeneration(ctx, request)
	require.Equal(t, trainer.Unknown, submitError(t, err).Outcome)
	id, found, err := client.FindGeneration(ctx, request, began)
	require.NoError(t, err)
	require.True(t, found)

	burst("status", "not_found", 2)
	burst("status", "html_404", 1)
	completed(t, client.GenerationStatus, id)
	burst("result", "not_found", 2)
	result, err := client.GenerationResult(ctx, id)
	require.NoError(t, err)
	burst("download", "not_found", 3)
	picture, err := client.Download(ctx, result.ImageURLs[0], 1<<20)
	require.NoError(t, err)
	require.NoError(t, picture.Close())

	for effect, gone := range map[string]bool{"not_found": true, "html_404": false} {
		burst("status", effect, 4)
		_, err = client.GenerationStatus(ctx, id)
		require.Equal(t, gone, errors.Is(err, trainer.ErrUnknownRequest), "%v", err)
		clearFaults(t, server)
		burst("result", effect, 4)
		_, err = client.GenerationResult(ctx, id)
		require.Equal(t, gone, errors.Is(err, trainer.ErrGone), "%v", err)
		clearFaults(t, server)
		burst("cancel", effect, 4)
		outcome, err := client.CancelGeneration(ctx, id)
		require.Equal(t, gone, outcome == trainer.Unknown404, "%v", err)
		clearFaults(t, server)
		burst("download", effect, 4)
		_, err = client.Download(ctx, result.ImageURLs[0], 1<<20)
		require.ErrorIs(t, err, trainer.ErrGone, "file servers have no form of their own")
		clearFaults(t, server)
	}
	for _, on := range []string{"list", "billing", "erase", "hide"} {
		burst(on, "html_404", 10)
	}
	_, _, err = client.FindGeneration(ctx, request, began)
	require.Equal(t, persona.Unavailable, public(t, err).Kind)
	_, err = client.BillingEvents(ctx, trainer.BillingQuery{})
	require.Equal(t, persona.Unavailable, public(t, err).Kind)
	require.Equal(t, persona.Unavailable, public(t, client.ErasePayload(ctx, id)).Kind)
	require.Equal(t, persona.Unavailable, public(t, client.HideFile(ctx, result.ImageURLs[0])).Kind)
	clearFaults(t, server)
	require.Equal(t, http.StatusOK, status(t, result.ImageURLs[0]), "nothing was erased")

	// The list by endpoint is refused once, so the search of all endpoints is used.
	burst("list", "denied", 1)
	again, found, err := client.FindGeneration(ctx, request, began)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, id, again)
}

// A list that leaves out what runs does not show a lost purchase until it has ended.
func TestListOfEndedRequestsOfTheLocalTrainer(t *testing.T) {
	t.Parallel()
	client, server := local(t, 0)
	ctx, began := t.Context(), time.Now()
	request := trainer.GenerateRequest{Prompt: "p", Seed: 7, Width: 64, Height: 64}
	order(t, server, `{"on":"generate","effect":"stuck"}`)
	id, err := client.SubmitGeneration(ctx, request)
	require.NoError(t, err)
	order(t, server, `{"on":"list","effect":"ended_only"}`)
	_, found, err := client.FindGeneration(ctx, request, began)
	require.NoError(t, err)
	require.False(t, found)
	_, found, err = client.FindGeneration(ctx, request, began)
	require.NoError(t, err)
	require.True(t, found)
	require.Eventually(t, func() bool {
		outcome, err := client.CancelGeneration(ctx, id)
		return err == nil && outcome == trainer.TooLate
	}, time.Minute, 10*time.Millisecond)
	order(t, server, `{"on":"list","effect":"ended_only"}`)
	_, found, err = client.FindGeneration(ctx, request, began)
	require.NoError(t, err)
	require.True(t, found)
}

func clearFaults(t *testing.T, server string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, server+"/_local/faults", http.NoBody)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
}
