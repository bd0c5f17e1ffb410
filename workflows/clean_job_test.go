package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
)

func TestCleanJobRetriesUntilTheProviderHoldsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := contract.CleanJobInput{UserID: version1.UserID, PersonaID: version1.PersonaID, JobID: idOf("job")}
	fake(w, "CleanProvider", func(job activities.JobInput, n int) (struct{}, error) {
		if job.UserID != in.UserID || job.PersonaID != in.PersonaID || job.JobID != in.JobID {
			return struct{}{}, permanent(contract.RecordGone)
		}
		if n < 4 {
			return struct{}{}, temporal.NewApplicationError("a request is still ending", contract.NotErased)
		}
		return struct{}{}, nil
	})
	w.ExecuteWorkflow(contract.CleanJobWorkflow, in)
	require.NoError(t, w.GetWorkflowError())
	require.Equal(t, 4, w.called("CleanProvider"))
}
