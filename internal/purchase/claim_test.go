package purchase_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/purchase"
	"github.com/inflio/persona/storage/audit"
)

// lose buys a training whose reply is lost, so that the purchase is uncertain.
func (b *bed) lose(t *testing.T) {
	t.Helper()
	b.queue.change(func() { b.queue.next = "lost" })
	state, err := b.submit(t, purchase.Reply{})
	require.NoError(t, err)
	require.Equal(t, persona.PurchaseUncertain, state.Status)
}

func TestAClaimThatDoesNotHoldChangesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(*bed)
		claim   func(*bed) purchase.Claim
		says    string
		code    persona.Code
	}{
		"neither": {claim: func(*bed) purchase.Claim { return purchase.Claim{} }, says: "Give either"},
		"both": {claim: func(b *bed) purchase.Claim {
			return purchase.Claim{RequestID: b.queue.request(1), NothingBought: true}
		}, says: "Give either"},
		"not an id":  {claim: func(*bed) purchase.Claim { return purchase.Claim{RequestID: "a/../b"} }, says: "not a request id"},
		"unknown id": {claim: func(*bed) purchase.Claim { return purchase.Claim{RequestID: "no-such-request"} }, says: "does not show"},
		"the training of somebody else": {
			prepare: func(b *bed) {
				b.queue.change(func() {
					b.queue.jobs = append(b.queue.jobs, &job{
						id: b.queue.request(2), endpoint: b.queue.jobs[0].endpoint, state: "IN_QUEUE",
						input: []byte(`{"images_data_url":"https://files/other.zip"}`),
					})
				})
			},
			claim: func(b *bed) purchase.Claim { return purchase.Claim{RequestID: b.queue.request(2)} }, says: "other pictures",
		},
		"nothing, and the list shows it": {claim: func(*bed) purchase.Claim { return purchase.Claim{NothingBought: true} }, says: "list shows"},
		"nothing, so soon that the list may lag": {
			prepare: func(b *bed) { b.queue.change(func() { b.queue.jobs = nil }) },
			claim:   func(*bed) purchase.Claim { return purchase.Claim{NothingBought: true} }, says: "too recent",
		},
		"nothing, and the list is not available": {
			prepare: func(b *bed) { b.queue.change(func() { b.queue.listAway = true }) },
			claim:   func(*bed) purchase.Claim { return purchase.Claim{NothingBought: true} }, code: persona.CodeUnavailable,
		},
		"an id, and the provider is away": {
			prepare: func(b *bed) { b.queue.change(func() { b.queue.away = true }) },
			claim:   func(b *bed) purchase.Claim { return purchase.Claim{RequestID: b.queue.request(1)} }, code: persona.CodeUnavailable,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.lose(t)
			if c.prepare != nil {
				c.prepare(b)
			}
			before := b.read(t)
			for range 2 {
				_, err := b.buyer.Settle(t.Context(), b.ref, c.claim(b))
				var told *persona.Error
				require.ErrorAs(t, err, &told)
				if c.code == "" {
					require.Equal(t, persona.CodeClaimRejected, told.Code)
					require.Contains(t, told.Message, c.says)
				} else {
					require.Equal(t, c.code, told.Code)
				}
				require.Equal(t, before, b.read(t))
			}
		})
	}
}

func TestAClaimThatHoldsIsRecordedAndAudited(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(*bed)
		claim   func(*bed) purchase.Claim
		after   persona.PurchaseStatus
	}{
		"the request id": {
			claim: func(b *bed) purchase.Claim { return purchase.Claim{RequestID: b.queue.request(1)} },
			after: persona.PurchaseQueued,
		},
		"nothing was bought": {
			prepare: func(b *bed) { b.queue.change(func() { b.queue.jobs = nil }); b.buyer.Timing.Submit = 0 },
			claim:   func(*bed) purchase.Claim { return purchase.Claim{NothingBought: true} },
			after:   persona.PurchaseIntended,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.lose(t)
			if c.prepare != nil {
				c.prepare(b)
			}
			state, err := b.buyer.Settle(t.Context(), b.ref, c.claim(b))
			require.NoError(t, err)
			require.Equal(t, c.after, state.Status)
			require.Equal(t, c.claim(b).RequestID, b.read(t).RequestID)
			if c.claim(b).RequestID != "" {
				state, err = b.buyer.Settle(t.Context(), b.ref, c.claim(b))
				require.NoError(t, err, "the same claim again is a success")
				require.Equal(t, c.after, state.Status)
			}
			require.Equal(t, 1, audited(t, b, audit.TrainingSettled))
		})
	}
}

func audited(t *testing.T, b *bed, action audit.Action) (n int) {
	t.Helper()
	entries, err := b.Store.AuditLog(t.Context(), b.ref.UserID, 100, 0)
	require.NoError(t, err)
	for _, e := range entries {
		if e.Action == action {
			n++
		}
	}
	return n
}
