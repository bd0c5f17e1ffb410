package localtrainer

import (
	"fmt"
	"net/http"
	"time"
)

// heartbeat keeps proxies and clients from closing a stream without events.
const heartbeat = 10 * time.Second

// streamStatus sends a job's status at each change until it has ended. Each event contains only the new log lines,
// because the JavaScript client appends them to those it has.
func (s *Server) streamStatus(w http.ResponseWriter, r *http.Request, p queuePath) {
	flush := http.NewResponseController(w)
	begun, sent := false, 0
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		s.mu.Lock()
		j := s.find(p)
		if j == nil {
			s.mu.Unlock()
			if !begun {
				replyNotFound(w)
			}
			return
		}
		status := s.statusOf(j, s.base(r), wantsLogs(r))
		if lines, ok := status["logs"].([]logLine); ok {
			from := min(sent, len(lines))
			status["logs"], sent = lines[from:], len(lines)
		}
		changed, ended := j.changed, j.ended()
		s.mu.Unlock()

		if !begun {
			begun = true
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Cache-Control", "no-cache")
			w.Header().Set("X-Fal-Request-Id", p.id)
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", mustJSON(status)); err != nil {
			return
		}
		if err := flush.Flush(); err != nil || ended {
			return
		}
		for again := false; !again; {
			select {
			case <-changed:
				again = true
			case <-beat.C:
				if _, err := fmt.Fprint(w, ": heartbeat\n\n"); err != nil || flush.Flush() != nil {
					return
				}
			case <-r.Context().Done():
				return
			case <-s.stopping:
				return
			}
		}
	}
}
