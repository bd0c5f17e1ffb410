// Package persona is the language of the product: states, policies, consent, prices and the sentences people read.
//
// It imports nothing of ours and does no I/O, so every other package may use it.
package persona
