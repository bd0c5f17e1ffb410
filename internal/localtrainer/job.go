package localtrainer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// fal's three states. Failure and cancellation are COMPLETED too.
const (
	inQueue    = "IN_QUEUE"
	inProgress = "IN_PROGRESS"
	completed  = "COMPLETED"
)

// baseMark stands for the address of this server in stored outputs. It is replaced in every answer, so that a server
// that comes back under another address gives URLs that work.
const baseMark = "{local-trainer}"

type logLine struct {
	Message   string    `json:"message"`
	Level     string    `json:"level"`
	Source    string    `json:"source"`
	Timestamp time.Time `json:"timestamp"`
}

// record is a job as it stands on disk.
type record struct {
	ID        string          `json:"request_id"`
	Gateway   string          `json:"gateway_request_id"`
	Endpoint  string          `json:"endpoint"`
	State     string          `json:"state"`
	Base      string          `json:"base"` // the server's address as the client knew it at the submit
	Input     json.RawMessage `json:"input,omitempty"`
	KeepIO    bool            `json:"keep_io"`
	Lifecycle lifecycle       `json:"lifecycle"`

	Status    int             `json:"status,omitempty"` // of the result
	Output    json.RawMessage `json:"output,omitempty"`
	Error     string          `json:"error,omitempty"`
	ErrorType string          `json:"error_type,omitempty"`
	UserLimit bool            `json:"user_limit,omitempty"` // it failed because the client's own start timeout ran out
	Units     float64         `json:"billable_units,omitempty"`
	Logs      []logLine       `json:"logs,omitempty"`

	CreatedAt time.Time  `json:"created_at"`
	NotBefore *time.Time `json:"not_before,omitempty"`
	StartBy   *time.Time `json:"start_by,omitempty"`
	StartedAt *time.Time `json:"started_at,omitempty"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	ErasedAt  *time.Time `json:"erased_at,omitempty"`
	Withdrawn bool       `json:"withdrawn,omitempty"` // payloads were deleted before the end: the input is for the work alone

	Webhook    string     `json:"webhook,omitempty"`
	Delivered  bool       `json:"delivered,omitempty"` // or given up: nothing is left to send
	Deliveries []delivery `json:"deliveries,omitempty"`
}

// delivery is one attempt to deliver a webhook.
type delivery struct {
	At     time.Time `json:"at"`
	Status int       `json:"status,omitempty"` // the receiver's answer; 0: it gave none
	Effect string    `json:"effect,omitempty"` // the fault that was used
}

// job is a record and what is known of it only while this process lives.
type job struct {
	record
	fault     fault // stuck or fail
	running   bool
	sending   bool
	cancelled bool                    // a client asked for it
	cancel    context.CancelCauseFunc // while running
	changed   chan struct{}           // closed at each change
}

var errCancelled = errors.New("the client cancelled the request")

func (j *job) ended() bool { return j.State == completed }

func (j *job) touch() {
	close(j.changed)
	j.changed = make(chan struct{})
}

func (j *job) say(now time.Time, level, message string) {
	j.Logs = append(j.Logs, logLine{Message: message, Level: level, Source: "USER", Timestamp: now.UTC()})
	j.touch()
}

func (s *Server) jobPath(id string) string { return filepath.Join(s.dir, "jobs", id+".json") }

// save makes the job durable and wakes whoever waits for a change. s.mu is held.
func (s *Server) save(j *job) error {
	if err := writeJSON(s.jobPath(j.ID), j.record); err != nil {
		s.log.Error("a job could not be saved", "request_id", j.ID, "error", err)
		return err
	}
	j.touch()
	return nil
}

// loadJobs reads every job and removes output files of jobs that never got to their end: they will be made again.
func (s *Server) loadJobs() error {
	paths, err := filepath.Glob(filepath.Join(s.dir, "jobs", "*.json"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		j := &job{changed: make(chan struct{})}
		if err := readJSON(path, &j.record); err != nil {
			return fmt.Errorf("the trainer's folder cannot be used: %w", err)
		}
		if j.ID != strings.TrimSuffix(filepath.Base(path), ".json") {
			return fmt.Errorf("the trainer's folder cannot be used: %s holds another job", filepath.Base(path))
		}
		s.jobs[j.ID] = j
	}
	return s.files.each(func(m fileMeta) error {
		if m.Job == "" {
			return nil
		}
		if j, ok := s.jobs[m.Job]; ok && j.ended() && j.ErasedAt == nil {
			return nil
		}
		return s.files.remove(m.Token)
	})
}

// sorted returns the jobs that keep accepts, in the order in which they came. s.mu is held.
func (s *Server) sorted(keep func(*job) bool) []*job {
	var list []*job
	for _, j := range s.jobs {
		if keep(j) {
			list = append(list, j)
		}
	}
	slices.SortFunc(list, func(a, b *job) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

// erase removes everything that an ended job knew of a person; what is left is that there was a job, when, and how it
// ended. A job that has not ended goes on, and of it there is only the input: that is shown no more and goes with the
// end of the work, while webhook and output come as ever. s.mu is held. It returns the paths of the files that are gone.
func (s *Server) erase(j *job) ([]string, error) {
	if !j.ended() {
		j.Withdrawn = true
		return nil, s.save(j)
	}
	now := s.now().UTC()
	if j.ErasedAt == nil {
		j.ErasedAt = &now
	}
	j.Input, j.Output, j.Logs, j.Error = nil, nil, nil, ""
	j.Webhook, j.Delivered, j.Lifecycle = "", true, lifecycle{}
	// The record goes first: a crash in between leaves files that the next start recognises as erased.
	if err := s.save(j); err != nil {
		return nil, err
	}
	return s.files.removeOfJob(j.ID)
}

// makeDirs prepares the folder. Nobody but the owner may read it: it holds pictures of people in clear.
func makeDirs(dir string) error {
	for _, d := range []string{dir, filepath.Join(dir, "jobs"), filepath.Join(dir, "files"), filepath.Join(dir, "tmp")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "tmp", "*"))
	if err != nil {
		return err
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return removeUnfinished(dir)
}
