// Package localtrainer is a small stand-in for fal.ai: an HTTP server that speaks fal's wire protocol (storage upload,
// queue, signed webhooks, payload deletion, platform API) in front of a real but small face model, so that everything
// that talks to fal can be developed and tested on one machine, at no cost. It is for development, not for production:
// its pictures are drawn by a low-rank model of twenty photos, not by FLUX.
//
// Jobs and files live in one folder and survive a crash: a job is on disk before its submit is answered, and a job that
// had not ended, or whose webhook was not delivered, is carried on by the next start. The server can be told to
// misbehave through /_local/faults.
package localtrainer
