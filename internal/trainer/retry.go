package trainer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// maxPause bounds one pause, also one that the service asks for.
const maxPause = 30 * time.Second

// passing reports whether an answer speaks of a state that may be over in a moment.
func passing(r reply) bool {
	// This one is sent when the caller's own start timeout ran out: it is a decision, not an accident.
	if r.header.Get("X-Fal-Request-Timeout-Type") == "user" {
		return false
	}
	return r.status == http.StatusTooManyRequests || r.status == http.StatusRequestTimeout || r.status >= 500
}

// pause waits before the attempt after the given one: twice as long each time, a quarter more or less so that many
// clients do not come back together, and never less than what the service asked for.
func (c *Client) pause(ctx context.Context, attempt int, asked time.Duration) error {
	d := c.backoff << (attempt - 1)
	d += time.Duration((rand.Float64() - 0.5) / 2 * float64(d))
	return wait(ctx, min(max(d, asked), maxPause))
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func ended(ctx context.Context, op string) error {
	return fmt.Errorf("%s: %w", op, ctx.Err())
}

// retryAfter reads the form in seconds; the form with a date is not sent by this service.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxPause)
}
