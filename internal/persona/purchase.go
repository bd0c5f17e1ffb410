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
}

// moves is the one table of the state machine. A move that is not listed is refused everywhere.
var moves = []Move{
	{PurchaseIntended, PurchaseSubmitting, []Actor{ActorSender}, "one attempt begins; committed before anything is sent"},
	{PurchaseIntended, PurchaseCancelled, []Actor{ActorCanceller}, "nothing was sent, and nothing can be sent any more"},

	{PurchaseSubmitting, PurchaseQueued, []Actor{ActorSender, ActorWebhook, ActorList}, "the provider acknowledged the job"},
	{PurchaseSubmitting, PurchaseIntended, []Actor{ActorSender}, "certainly not sent, or not accepted"},
	{PurchaseSubmitting, PurchaseUncertain, []Actor{ActorSender}, "the reply was lost"},
	{PurchaseSubmitting, PurchaseRefused, []Actor{ActorSender}, "the provider refused this request"},
	{PurchaseSubmitting, PurchaseCancelled, []Actor{ActorCanceller}, "given up while the outcome is unknown"},

	{PurchaseUncertain, PurchaseQueued, []Actor{ActorSender, ActorWebhook, ActorList, ActorPoller, ActorPerson}, "the job was found"},
	{PurchaseUncertain, PurchaseIntended, []Actor{ActorSender, ActorList, ActorPerson}, "nothing was bought"},
	{PurchaseUncertain, PurchaseRefused, []Actor{ActorSender}, "the sender's own outcome replaces `uncertain`"},
	{PurchaseUncertain, PurchaseFailed, []Actor{ActorPoller}, "an acknowledged job ended while it could not be found"},
	{PurchaseUncertain, PurchaseCancelled, []Actor{ActorCanceller}, "given up while the outcome is unknown"},

	{PurchaseQueued, PurchaseRunning, []Actor{ActorPoller}, "the provider started the job"},
	{PurchaseQueued, PurchaseCompleted, []Actor{ActorPoller}, "the result was fetched"},
	{PurchaseQueued, PurchaseFailed, []Actor{ActorPoller}, "the provider reported a failure"},
	{PurchaseQueued, PurchaseUncertain, []Actor{ActorPoller}, "the provider does not find an acknowledged job"},
	{PurchaseQueued, PurchaseCancelled, []Actor{ActorCanceller}, "stopped, or told to stop"},

	{PurchaseRunning, PurchaseCompleted, []Actor{ActorPoller}, "the result was fetched"},
	{PurchaseRunning, PurchaseFailed, []Actor{ActorPoller}, "the provider reported a failure"},
	{PurchaseRunning, PurchaseUncertain, []Actor{ActorPoller}, "the provider does not find an acknowledged job"},
	{PurchaseRunning, PurchaseCancelled, []Actor{ActorCanceller}, "told to stop"},

	{PurchaseCancelled, PurchaseCancelled, []Actor{ActorSender, ActorWebhook, ActorList}, "a job given up without an id was bought after all"},
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

// MovesFrom returns the states from which by may move a purchase to the state to.
func MovesFrom(to PurchaseStatus, by Actor) []PurchaseStatus {
	var from []PurchaseStatus
	for _, m := range moves {
		if m.To == to && slices.Contains(m.By, by) {
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
