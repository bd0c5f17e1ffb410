// Package localtrainer is a small stand-in for fal.ai: an HTTP server that implements fal's wire protocol (storage
// upload, queue, signed webhooks, platform API) in front of a real but small face model, so that everything that uses
// fal can be developed and tested on one machine, at no cost. It is for development, not for production: its pictures
// come from a low-rank model of twenty photos, not from FLUX.
//
// Jobs and files are kept in one folder and survive a crash. A job is on disk before its submit is answered. A job that
// had not ended, or whose webhook was not delivered, is continued by the next start. Billing events are computed from
// the jobs, so they survive too, also when a payload has been erased.
//
// Unlike fal, it refuses input fields that it does not know, with a 422 as the result: fal ignores them, and a mistyped
// name would not be noticed.
//
// # Faults
//
// POST /_local/faults {"on", "effect", "times"?, "delay_ms"?, "error_type"?} makes the server misbehave. A fault is used
// up by times requests (default 1), DELETE /_local/faults removes all of them, and a restart forgets them. It can be set
// on:
//
//	upload    every request of an upload: initiation, bytes, parts, completion
//	submit    submits of trainings, and the trainings themselves
//	generate  submits of pictures, and their generation
//	status    GET …/requests/{id}/status
//	result    GET …/requests/{id}
//	cancel    PUT …/requests/{id}/cancel
//	download  GET of a file
//	list      GET /v1/models/requests/by-endpoint and /search
//	billing   GET /v1/models/billing-events
//	erase     DELETE /v1/models/requests/{id}/payloads
//	hide      PUT /v1/storage/files/acl
//	webhook   attempts to deliver a webhook
//
// "All" in this table means all of these except webhook.
//
//	effect      on                    what happens
//	lost_reply  all                   the work is done, then the connection is closed without an answer
//	reject_429  all                   429 with Retry-After: 1; nothing is done
//	error_500   all                   500; nothing is done
//	error_503   all                   503; nothing is done
//	not_found   all                   404 in the JSON form of the interface; nothing is done
//	html_404    all                   404 with a gateway's HTML page; nothing is done
//	denied      all                   403, as for a key without the permission; nothing is done
//	slow        all                   the work is done at once, the answer comes delay_ms later
//	stuck       submit, generate      the job runs and never ends; it can be cancelled, and goes on when the faults are removed
//	            the others of all     the request hangs, then the connection is closed; nothing is done
//	fail        submit, generate      the job ends with error and error_type, and a 422 as the result
//	            result                a 422, although the job succeeded
//	lost        submit, generate      a request id is returned, but there is no job: its status is 404
//	            upload                the upload succeeds, but there is no file
//	            status, result        404, as for an unknown request
//	            cancel                202 CANCELLATION_REQUESTED, but the job goes on
//	            download              200 and an empty file
//	            list, billing         an empty page
//	            erase, hide           200, but nothing is erased or hidden
//	            webhook               the webhook counts as delivered and is never sent
//	late        submit, generate      the job starts delay_ms later
//	            cancel, webhook       the cancellation acts, or the webhook is sent, delay_ms later
//	stale       status                the state before the present one
//	            webhook               a timestamp that is ten minutes old
//	ended_only  list                  requests that have not ended are left out
//	duplicate   webhook               delivered twice
//	forged      webhook               signed with another key
package localtrainer
