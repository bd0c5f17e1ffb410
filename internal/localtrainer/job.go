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

// fal's three states. A job that failed or was cancelled is COMPLETED.
const (
	inQueue    = "IN_QUEUE"
	inProgress = "IN_PROGRESS"
	completed  = "COMPLETED"
)

// baseMark is the placeholder for the address of this server in stored outputs. It is replaced in every answer, so that
// the URLs are right after a restart under another address.
const baseMark = "{local-trainer}"

type logLine struct {
	Message   string    `json:"message"`
	Level     string    `json:"level"`
	Source    string    `json:"source"`
	Timestamp time.Time `json:"timestamp"`
}

// record is the part of a job that is on the disk.
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
	UserLimit bool            `json:"user_limit,omitempty"` // it failed because the client's own start timeout passed
	Units     float64         `json:"billable_units,omitempty"`
	Logs      []logLine       `json:"logs,omitempty"`

	CreatedAt time.Time  `json:"created_at"`
	NotBefore *time.Time `json:"not_before,omitempty"`
	StartBy   *time.Time `json:"start_by,omitempty"`
	StartedAt *time.Time `json:"started_at,omitempty"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	ErasedAt  *time.Time `json:"erased_at,omitempty"`
	Withdrawn bool       `json:"withdrawn,omitempty"` // payloads were deleted before the end: the input is kept for the work only

	Webhook    string     `json:"webhook,omitempty"`
	Delivered  bool       `json:"delivered,omitempty"` // or given up: nothing remains to be sent
	Deliveries []delivery `json:"deliveries,omitempty"`
}

// delivery is one attempt to deliver a webhook.
type delivery struct {
	At     time.Time `json:"at"`
	Status int       `json:"status,omitempty"` // the receiver's answer; 0 when there was none
	Effect string    `json:"effect,omitempty"` // of the fault that acted
}

// job is a record and the state that exists only in this process.
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

// save writes the job to the disk and wakes those who wait for a change. s.mu is held.
func (s *Server) save(j *job) error {
	if err := writeJSON(s.jobPath(j.ID), j.record); err != nil {
		s.log.Error("a job could not be saved", "request_id", j.ID, "error", err)
		return err
	}
	j.touch()
	return nil
}

// loadJobs reads every job, and removes output files of jobs that have not ended: they will be made again.
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

// sorted returns the jobs that keep accepts, oldest first. s.mu is held.
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

// erase removes everything about a person from an ended job. What remains is that there was a job, when, how it ended
// and what it cost. A job that has not ended goes on: its input is no longer shown and is removed at its end; its
// webhook is sent and its output is made. s.mu is held. It returns the paths of the removed files.
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
	// The record comes first: after a crash in between, the next start removes the files of an erased job.
	if err := s.save(j); err != nil {
		return nil, err
	}
	return s.files.removeOfJob(j.ID)
}

// makeDirs makes the folders. Only the owner may read them: they contain unencrypted pictures of people.
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
