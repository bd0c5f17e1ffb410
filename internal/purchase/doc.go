// Package purchase buys at the provider, and settles and removes what was bought. It carries out the state machine of
// persona.PurchaseMoves for everything that costs money; activities, webhooks, cancels and erasures call it.
//
// An intent is committed before anything is sent, and at most one submit is sent for each intent. A submit whose reply
// was lost leaves the purchase uncertain: the provider's webhook, its list of requests, a person, or the time after
// which the list must have shown the job settles it. Nothing is sent again before that.
package purchase
