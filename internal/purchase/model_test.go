package purchase_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/purchase"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// model drives one training and its pictures through random calls, with the promises checked after each of them: at
// most one training is at the provider, nothing is called unbought that is bought, every request id on record is one of
// the provider's, and every move is in the table.
type model struct {
	*bed
	t       *rapid.T
	t0      *testing.T
	last    persona.PurchaseStatus
	erasure storage.Erasure
}

// weights is what the pictures are drawn with.
const weights = "https://files/weights.safetensors"

func TestPurchasesKeepTheirPromises(t *testing.T) {
	t.Parallel()
	shared := newBed(t)
	rapid.Check(t, func(rt *rapid.T) {
		b := *shared
		b.queue = newQueue(t)
		buyer := *shared.buyer
		buyer.Provider = b.queue.client()
		b.buyer = &buyer
		b.job(t)
		_, err := b.Owner.Exec(t.Context(), `UPDATE persona_training_jobs SET weights_url = $2 WHERE id = $1`, b.ref.JobID, weights)
		require.NoError(t, err)
		m := &model{bed: &b, t: rt, t0: t, last: persona.PurchaseIntended}
		rt.Repeat(map[string]func(*rapid.T){
			"submit":   m.submitOnce,
			"die":      m.dieWhileSubmitting,
			"webhook":  m.webhook,
			"progress": m.progress,
			"forget":   m.forget,
			"poll":     func(*rapid.T) { m.call(func() error { _, err := m.buyer.Poll(t.Context(), m.ref); return err }) },
			"find":     m.find,
			"claim":    m.claim,
			"draw":     m.draw,
			"fail":     m.failVersion,
			"cancel":   func(*rapid.T) { m.call(func() error { _, err := m.buyer.Cancel(t.Context(), m.ref); return err }) },
			"clean":    func(*rapid.T) { m.ended(func() error { _, err := m.buyer.Clean(t.Context(), m.ref); return err }) },
			"outage":   m.outage,
			"erase":    m.erase,
			"":         m.check,
		})
		m.settleEverything()
	})
}

// call runs one call; errors are the business of its caller's retry policy.
func (m *model) call(fn func() error) {
	if err := fn(); err != nil {
		m.t.Logf("  %v", err)
	}
}

func (m *model) submitOnce(rt *rapid.T) {
	how := rapid.SampledFrom([]string{"", "", "lost", "busy", "denied", "refused", "broken"}).Draw(rt, "reply")
	m.queue.change(func() { m.queue.next = how })
	m.call(func() error { _, err := m.submit(m.t0, purchase.Reply{}); return err })
	m.queue.change(func() { m.queue.next = "" })
}

// dieWhileSubmitting is a worker that is killed after the intent was committed, before or after the request was sent, and
// before or after its reply was kept in the heartbeat.
func (m *model) dieWhileSubmitting(rt *rapid.T) {
	begun, err := m.Store.BeginSubmit(m.t0.Context(), m.ref.UserID, m.ref.JobID)
	if err != nil {
		return
	}
	kept := purchase.Reply{}
	if rapid.Bool().Draw(rt, "sent") {
		id, err := m.buyer.Provider.SubmitTraining(m.t0.Context(), trainer.TrainingRequest{
			DatasetURL: begun.DatasetURL, TriggerWord: "word", Steps: 1000, WebhookURL: m.buyer.WebhookURL + "/" + begun.Token,
		})
		if err == nil && rapid.Bool().Draw(rt, "kept") {
			kept = purchase.Reply{Attempt: begun.Attempt, RequestID: id}
		}
	}
	m.call(func() error { _, err := m.submit(m.t0, kept); return err })
}

func (m *model) webhook(rt *rapid.T) {
	jobs := m.queue.of(trainer.TrainingEndpoint)
	if len(jobs) == 0 {
		return
	}
	j := rapid.SampledFrom(jobs).Draw(rt, "job")
	token := j.webhook[strings.LastIndex(j.webhook, "/")+1:]
	m.call(func() error {
		_, err := purchase.Inbox{Store: m.Store}.Receive(m.t0.Context(), token, j.id)
		return err
	})
}

func (m *model) progress(rt *rapid.T) {
	state := rapid.SampledFrom([]string{"IN_PROGRESS", "COMPLETED"}).Draw(rt, "state")
	failed := rapid.SampledFrom([]string{"", "", "no_media_generated", "some_new_type"}).Draw(rt, "failed")
	m.queue.change(func() {
		for _, j := range m.queue.jobs {
			if j.state != "COMPLETED" {
				j.state, j.failed = state, failed
			}
		}
	})
}

func (m *model) forget(rt *rapid.T) {
	lost := rapid.Bool().Draw(rt, "lost")
	m.queue.change(func() {
		for _, j := range m.queue.jobs {
			j.lost = lost
		}
	})
}

func (m *model) find(rt *rapid.T) {
	buyer := *m.buyer
	if rapid.Bool().Draw(rt, "late") { // the list must have shown it by now, and it is truthful
		buyer.Timing.AbsenceProof = 0
	}
	m.call(func() error { _, err := buyer.Find(m.t0.Context(), m.ref); return err })
}

func (m *model) claim(rt *rapid.T) {
	claim := purchase.Claim{NothingBought: rapid.Bool().Draw(rt, "nothing")}
	if !claim.NothingBought {
		claim.RequestID = rapid.SampledFrom([]string{m.queue.request(1), m.queue.request(2), "request-99", "no/id", ""}).Draw(rt, "id")
	}
	buyer := *m.buyer
	buyer.Timing.Submit = 0 // as if the submit were long ago
	m.call(func() error { _, err := buyer.Settle(m.t0.Context(), m.ref, claim); return err })
}

func (m *model) draw(rt *rapid.T) {
	how := rapid.SampledFrom([]string{"", "", "lost", "busy", "refused", "broken"}).Draw(rt, "reply")
	m.queue.change(func() { m.queue.next = how })
	ctx, stop := context.WithCancel(m.t0.Context())
	defer stop()
	m.queue.change(func() { m.queue.asked = stop }) // pictures that are not made are waited for
	ref := purchase.PictureRef{Ref: m.ref, Key: rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "key")}
	buyer := *m.buyer
	if rapid.Bool().Draw(rt, "late") {
		buyer.Timing.AbsenceProof = 0
	}
	m.call(func() error {
		_, err := buyer.Draw(ctx, ref, trainer.GenerateRequest{Prompt: ref.Key, LoRAURL: weights, Scale: 0.5, Images: 1})
		return err
	})
	m.queue.change(func() { m.queue.next, m.queue.asked = "", nil })
}

func (m *model) failVersion(*rapid.T) {
	m.call(func() error {
		return m.Store.FailVersion(m.t0.Context(), m.ref.UserID, m.persona, 1, persona.VersionFailed, storage.Failure{})
	})
}

// ended runs what only happens when no training waits for the job any more.
func (m *model) ended(fn func() error) {
	v, err := m.Store.Version(m.t0.Context(), m.ref.UserID, m.persona, 1)
	if err == nil && v.Status == persona.VersionTraining {
		return
	}
	m.call(fn)
}

func (m *model) outage(rt *rapid.T) {
	away, listAway, deaf := rapid.Bool().Draw(rt, "away"), rapid.Bool().Draw(rt, "list away"), rapid.Bool().Draw(rt, "deaf")
	m.queue.change(func() { m.queue.away, m.queue.listAway, m.queue.deaf = away, listAway, deaf })
}

func (m *model) erase(*rapid.T) {
	if m.erasure.ID != "" {
		return
	}
	e, err := m.Store.RequestErasure(m.t0.Context(), m.ref.UserID, m.persona)
	require.NoError(m.t, err)
	_, err = m.Store.EraseRows(m.t0.Context(), e.ID)
	require.NoError(m.t, err)
	m.erasure = e
}

// check is what must hold after every call.
func (m *model) check(*rapid.T) {
	trainings := m.queue.of(trainer.TrainingEndpoint)
	require.LessOrEqual(m.t, len(trainings), 1, "a training was bought twice")
	pictures := m.queue.of(trainer.GenerationEndpoint)
	billable := 0
	for _, p := range pictures {
		if p.failed != "no_media_generated" {
			billable++
		}
	}
	require.LessOrEqual(m.t, billable, 2*storage.MaxPictureTries, "pictures are bought without a bound")
	job, err := m.Store.Job(m.t0.Context(), m.ref.UserID, m.ref.JobID)
	if errors.Is(err, storage.ErrNotFound) && m.erasure.ID != "" {
		return
	}
	require.NoError(m.t, err)
	require.True(m.t, reachable(m.last, job.Status), "%s to %s is not in the table", m.last, job.Status)
	m.last = job.Status
	if job.Status == persona.PurchaseIntended || job.Status == persona.PurchaseRefused {
		require.Empty(m.t, trainings, "it is %s and was bought", job.Status)
	}
	if job.RequestID != "" {
		require.Len(m.t, trainings, 1)
		require.Equal(m.t, trainings[0].id, job.RequestID)
	}
	orders, err := m.Store.PicturesOf(m.t0.Context(), m.ref.UserID, m.ref.JobID)
	require.NoError(m.t, err)
	submits := 0
	for _, o := range orders {
		submits += o.Attempt
	}
	require.LessOrEqual(m.t, len(pictures), submits, "a picture was bought without a record")
}

// reachable reports whether the table leads from one state to another, in any number of moves.
func reachable(from, to persona.PurchaseStatus) bool {
	seen := []persona.PurchaseStatus{from}
	for i := 0; i < len(seen); i++ {
		if seen[i] == to {
			return true
		}
		for _, move := range persona.PurchaseMoves() {
			if move.From == seen[i] && !slices.Contains(seen, move.To) {
				seen = append(seen, move.To)
			}
		}
	}
	return false
}

// settleEverything ends every sequence: once the provider answers again, a cleaning or an erasure leaves nothing there.
func (m *model) settleEverything() {
	m.queue.change(func() { m.queue.away, m.queue.listAway, m.queue.deaf = false, false, false })
	m.forgetNothing()
	buyer := *m.buyer
	buyer.Timing.AbsenceProof = 0
	ctx := m.t0.Context()
	if m.erasure.ID == "" {
		_, err := buyer.Cancel(ctx, m.ref)
		require.NoError(m.t, err)
		m.call(func() error {
			return m.Store.FailVersion(ctx, m.ref.UserID, m.persona, 1, persona.VersionCancelled, storage.Failure{})
		})
		done := false
		for range 5 {
			if done, err = buyer.Clean(ctx, m.ref); done {
				break
			}
			require.NoError(m.t, err)
		}
		require.True(m.t, done, "the cleaning does not end")
	} else {
		for range 5 {
			left, err := m.Store.ErasedPurchases(ctx, m.erasure.ID)
			require.NoError(m.t, err)
			for _, p := range left {
				done, err := buyer.Erased(ctx, p)
				require.NoError(m.t, err)
				if done {
					require.NoError(m.t, m.Store.ErasedPurchaseSettled(ctx, m.erasure.ID, p.ID))
				}
			}
		}
		left, err := m.Store.ErasedPurchases(ctx, m.erasure.ID)
		require.NoError(m.t, err)
		require.Empty(m.t, left, "the erasure does not end")
	}
	m.queue.change(func() {
		for _, j := range m.queue.jobs {
			require.Equal(m.t, "COMPLETED", j.state, "%s still runs", j.id)
			require.True(m.t, j.erased, "the payload of %s is still there", j.id)
		}
		if len(m.queue.jobs) > 0 || m.erasure.ID == "" {
			require.True(m.t, m.queue.hidden[m.dataset], "the pictures are still readable")
		}
	})
}

func (m *model) forgetNothing() {
	m.queue.change(func() {
		for _, j := range m.queue.jobs {
			j.lost = false
		}
	})
}
