package persona

import "slices"

// PurchaseStatus is the state of one intent to buy something at a provider. The database checks the same list.
type PurchaseStatus string

// The states of a purchase. An intent is on record before anything is sent; from PurchaseQueued on the provider's
// request id is known. PurchaseUncertain with a request id is a job that the provider acknowledged and does not find
// any more.
const (
	PurchaseIntended   PurchaseStatus = "intended"   // nothing was sent
	PurchaseSubmitting PurchaseStatus = "submitting" // the one submit of this attempt may have been sent
	PurchaseUncertain  PurchaseStatus = "uncertain"  // it is not known whether the provider has the job
	PurchaseRefused    PurchaseStatus = "refused"    // the provider refused it; nothing was bought
	PurchaseQueued     PurchaseStatus = "queued"     // bought, not started
	PurchaseRunning    PurchaseStatus = "training"   // started at the provider; the word is the guide's
	PurchaseCompleted  PurchaseStatus = "completed"  // the result is known
	PurchaseFailed     PurchaseStatus = "failed"     // the job ended without a result
	PurchaseCancelled  PurchaseStatus = "cancelled"  // given up by us
)

// PurchaseKind is what is bought.
type PurchaseKind string

// The kinds of purchases.
const (
	PurchaseTraining PurchaseKind = "training"
	PurchasePicture  PurchaseKind = "picture"
)

// Actor is a source of news about a purchase. What an actor may change depends on what it can know.
type Actor string

// The actors.
const (
	ActorSender    Actor = "sender"    // the activity that submits, and a later attempt of it
	ActorWebhook   Actor = "webhook"   // a verified webhook whose address holds the token of this attempt
	ActorList      Actor = "list"      // the provider's list of requests
	ActorPoller    Actor = "poller"    // the provider's answer about a known request id
	ActorPerson    Actor = "person"    // an operator whose claim was checked with the provider
	ActorCanceller Actor = "canceller" // a cancel, an erasure, or the end of a training
)

// Move is one legal change of a purchase.
type Move struct {
	From, To PurchaseStatus
	By       []Actor
	Why      string
	Only     PurchaseKind // "" for every kind
}

// moves is the one table of the state machine. A move that is not listed is refused everywhere.
var moves = []Move{
	{From: PurchaseIntended, To: PurchaseSubmitting, By: []Actor{ActorSender}, Why: "one attempt begins; committed before anything is sent"},
	{From: PurchaseIntended, To: PurchaseCancelled, By: []Actor{ActorCanceller}, Why: "nothing was sent, and nothing can be sent any more"},

	{From: PurchaseSubmitting, To: PurchaseQueued, By: []Actor{ActorSender, ActorWebhook, ActorList}, Why: "the provider acknowledged the job"},
	{From: PurchaseSubmitting, To: PurchaseIntended, By: []Actor{ActorSender}, Why: "certainly not sent, or not accepted"},
	{From: PurchaseSubmitting, To: PurchaseUncertain, By: []Actor{ActorSender}, Why: "the reply was lost"},
	{From: PurchaseSubmitting, To: PurchaseRefused, By: []Actor{ActorSender}, Why: "the provider refused this request"},
	{From: PurchaseSubmitting, To: PurchaseCancelled, By: []Actor{ActorCanceller}, Why: "given up while the outcome is unknown"},

	{From: PurchaseUncertain, To: PurchaseQueued, By: []Actor{ActorSender, ActorWebhook, ActorList, ActorPoller, ActorPerson}, Why: "the job was found"},
	{From: PurchaseUncertain, To: PurchaseIntended, By: []Actor{ActorSender, ActorList, ActorPerson}, Why: "nothing was bought"},
	{From: PurchaseUncertain, To: PurchaseRefused, By: []Actor{ActorSender}, Why: "the sender's own outcome replaces `uncertain`"},
	{From: PurchaseUncertain, To: PurchaseFailed, By: []Actor{ActorPoller}, Why: "an acknowledged job ended while it could not be found"},
	{From: PurchaseUncertain, To: PurchaseCancelled, By: []Actor{ActorCanceller}, Why: "given up while the outcome is unknown"},

	{From: PurchaseQueued, To: PurchaseRunning, By: []Actor{ActorPoller}, Why: "the provider started the job"},
	{From: PurchaseQueued, To: PurchaseCompleted, By: []Actor{ActorPoller}, Why: "the result was fetched"},
	{From: PurchaseQueued, To: PurchaseFailed, By: []Actor{ActorPoller}, Why: "the provider reported a failure"},
	{From: PurchaseQueued, To: PurchaseUncertain, By: []Actor{ActorPoller}, Why: "the provider does not find an acknowledged job"},
	{From: PurchaseQueued, To: PurchaseCancelled, By: []Actor{ActorCanceller}, Why: "stopped, or told to stop"},

	{From: PurchaseRunning, To: PurchaseCompleted, By: []Actor{ActorPoller}, Why: "the result was fetched"},
	{From: PurchaseRunning, To: PurchaseFailed, By: []Actor{ActorPoller}, Why: "the provider reported a failure"},
	{From: PurchaseRunning, To: PurchaseUncertain, By: []Actor{ActorPoller}, Why: "the provider does not find an acknowledged job"},
	{From: PurchaseRunning, To: PurchaseCancelled, By: []Actor{ActorCanceller}, Why: "told to stop"},

	{
		From: PurchaseQueued, To: PurchaseIntended, By: []Actor{ActorPoller}, Only: PurchasePicture,
		Why: "the job ended through a fault of the provider, which bills nothing, and was removed; it is ordered again",
	},

	{From: PurchaseCancelled, To: PurchaseCancelled, By: []Actor{ActorSender, ActorWebhook, ActorList}, Why: "a job given up without an id was bought after all"},
}

// PurchaseMoves returns the table of legal moves.
func PurchaseMoves() []Move { return slices.Clone(moves) }

// PurchaseStatuses returns every state, in the order of a purchase's life.
func PurchaseStatuses() []PurchaseStatus {
	return []PurchaseStatus{
		PurchaseIntended, PurchaseSubmitting, PurchaseUncertain, PurchaseRefused, PurchaseQueued, PurchaseRunning,
		PurchaseCompleted, PurchaseFailed, PurchaseCancelled,
	}
}

// MovesFrom returns the states from which by may move a purchase of a kind to the state to.
func MovesFrom(kind PurchaseKind, to PurchaseStatus, by Actor) []PurchaseStatus {
	var from []PurchaseStatus
	for _, m := range moves {
		if m.To == to && slices.Contains(m.By, by) && (m.Only == "" || m.Only == kind) {
			from = append(from, m.From)
		}
	}
	return from
}

// Ended reports whether the provider is known to have finished with the job: nothing of it runs any more.
func (s PurchaseStatus) Ended() bool {
	return s == PurchaseCompleted || s == PurchaseFailed || s == PurchaseRefused
}

// OutcomeUnknown reports whether the job may have been bought without anybody knowing its result or its id.
func (s PurchaseStatus) OutcomeUnknown() bool {
	return s == PurchaseSubmitting || s == PurchaseUncertain
}
