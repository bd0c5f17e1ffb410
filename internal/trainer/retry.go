package trainer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	maxAttempts = 4                // of a safe call; longer outages are left to the caller's retry policy
	maxPause    = 30 * time.Second // between two attempts, also when the service asks for more
)

// isTransient reports whether the same call may succeed a moment later.
func isTransient(r reply) bool {
	// The service sends this header when the start timeout that the caller set has passed. A retry gives the same answer.
	if r.header.Get("X-Fal-Request-Timeout-Type") == "user" {
		return false
	}
	return r.status == http.StatusTooManyRequests || r.status == http.StatusRequestTimeout || r.status >= 500
}

var errTryAgain = errors.New("trainer: try again")

// retry calls try until it returns again == false, ctx ends, or maxAttempts calls were made. Pauses double from the
// client's backoff, with a quarter of jitter; after, if positive, replaces one pause.
func (c *Client) retry(ctx context.Context, try func() (again bool, after time.Duration)) {
	pauses := &backoff.ExponentialBackOff{
		InitialInterval: c.backoff, RandomizationFactor: 0.25, Multiplier: 2, MaxInterval: maxPause,
	}
	// The error only says that the last attempt failed too; try has kept its outcome.
	_, _ = backoff.Retry(ctx, func() (struct{}, error) {
		again, after := try()
		switch {
		case !again:
			return struct{}{}, nil
		case after > 0:
			return struct{}{}, &backoff.RetryAfterError{Duration: after}
		default:
			return struct{}{}, errTryAgain
		}
	}, backoff.WithBackOff(pauses), backoff.WithMaxTries(maxAttempts), backoff.WithMaxElapsedTime(0))
}

func ended(ctx context.Context, op string) error {
	return fmt.Errorf("trainer: %s: %w", op, ctx.Err())
}

// retryAfter reads the header's form in seconds. The service does not send the form with a date.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxPause)
}
