// Package upload reads requests with photos: the request to train, as a multipart form with the files or as JSON with
// their addresses, and the request to score, a form with files alone.
//
// A request to train is read to its end where that is reasonable, and then checked as a whole, so that a person learns
// of every problem at once. Photos go to storage while they arrive: none is ever whole in memory. Photos to be scored
// wait, encrypted, in a temporary file until their turn.
package upload
