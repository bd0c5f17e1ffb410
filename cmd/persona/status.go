package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/inflio/persona/internal/persona"
)

type statusCommand struct {
	ID    string        `arg:"" help:"Id of the persona."`
	Once  bool          `help:"Print the status once; the exit code is 0 unless the training failed."`
	Every time.Duration `default:"1s" help:"How often to ask."`
}

func (c *statusCommand) Run(ctx context.Context, t *terminal, all *commands) error {
	api, err := all.client(t)
	if err != nil {
		return err
	}
	f := follower{api: api, out: t.out, live: t.live && !c.Once, every: c.Every, once: c.Once}
	return f.follow(ctx, c.ID)
}

type statusAnswer struct {
	Status        string `json:"status"`
	Stage         string `json:"stage"`
	Progress      int    `json:"progress"`
	Remaining     int    `json:"estimated_time_remaining"`
	QueuePosition *int   `json:"queue_position"`
	Error         *struct {
		Code    string         `json:"code"`
		Message string         `json:"message"`
		Photos  []photoProblem `json:"photos"`
		Advice  []string       `json:"advice"`
	} `json:"error"`
}

// ended reports whether the training has ended.
func (s *statusAnswer) ended() bool {
	return s.Error != nil || s.Status == "failed" || s.Status == "ready" && (s.Stage == "done" || s.Progress == 100)
}

// follower prints the progress of a training until it ends.
type follower struct {
	api   *client
	out   io.Writer
	live  bool
	once  bool
	every time.Duration
	names []string // of the photos, when they are known

	last string // key of the last line, "bar" for a bar
}

// maxUnanswered is how many requests in a row may get no answer, for example while a server is restarted.
const maxUnanswered = 120

func (f *follower) follow(ctx context.Context, id string) error {
	for unanswered := 0; ; {
		var s statusAnswer
		err := f.api.call(ctx, http.MethodGet, personaPath(id)+"/status", &s)
		switch {
		case err == nil:
			unanswered = 0
			f.show(&s)
			if s.ended() || f.once {
				f.finish()
				return f.verdict(ctx, id, &s)
			}
		case isTransient(err) && !f.once && unanswered < maxUnanswered:
			unanswered++
			f.line("The server does not answer; trying again …", "waiting")
		default:
			f.finish()
			return f.gone(err)
		}
		if err := pause(ctx, f.every); err != nil {
			f.finish()
			return err
		}
	}
}

// gone returns the error for a persona that was erased while it was followed, or err if it never existed.
func (f *follower) gone(err error) error {
	var p *problem
	if errors.As(err, &p) && p.Status == http.StatusNotFound && f.last != "" {
		return &exitError{code: exitFailed, message: "The persona has been erased."}
	}
	return err
}

func (f *follower) verdict(ctx context.Context, id string, s *statusAnswer) error {
	switch {
	case s.Error != nil:
		message := fmt.Sprintf("The training failed: %s", s.Error.Message)
		if s.Error.Code == "cancelled" {
			message = s.Error.Message
		}
		if reasons := photoReasons(s.Error.Photos, f.names); reasons != "" {
			message += "\n" + reasons
		}
		for i, advice := range s.Error.Advice {
			if i == 0 {
				message += "\nWhat helps:"
			}
			message += "\n  " + advice
		}
		return &exitError{code: exitFailed, message: message}
	case s.Status == "failed":
		return &exitError{code: exitFailed, message: "The training failed."}
	case s.Status == "ready":
		text := fmt.Sprintf("Persona %s is ready.\n", id)
		if warnings := photoReasons(f.warnings(ctx, id), f.names); warnings != "" {
			text += "Notes about its photos:\n" + warnings + "\n"
		}
		_, err := fmt.Fprint(f.out, text)
		return err
	}
	return nil
}

// warnings returns the findings about the photos of a persona that is ready, except that a photo was not among the best.
// It returns nil if the API does not answer: the persona is ready all the same.
func (f *follower) warnings(ctx context.Context, id string) []photoProblem {
	var answer struct {
		Photos []struct {
			Index  int                  `json:"index"`
			Report *persona.PhotoReport `json:"report"`
		} `json:"photos"`
	}
	if f.api.call(ctx, http.MethodGet, personaPath(id), &answer) != nil {
		return nil
	}
	var found []photoProblem
	for _, p := range answer.Photos {
		if p.Report == nil {
			continue
		}
		findings := slices.DeleteFunc(p.Report.Findings, func(f persona.Finding) bool { return f.Code == persona.PhotoNotAmongBest })
		found = append(found, photoProblem{Index: p.Index, Findings: findings})
	}
	return found
}

const barWidth = 32

// show redraws the bar on a screen. Elsewhere it prints a line when the stage changes and every five percent.
func (f *follower) show(s *statusAnswer) {
	text := words(s)
	if !f.live {
		f.line(fmt.Sprintf("%3d %%  %s", s.Progress, text), s.Stage+fmt.Sprint(s.Progress/5))
		return
	}
	done := barWidth * min(max(s.Progress, 0), 100) / 100
	bar := strings.Repeat("█", done) + strings.Repeat("░", barWidth-done)
	f.last = "bar"
	_, _ = fmt.Fprintf(f.out, "\r\x1b[K%s %3d %%  %s", bar, s.Progress, text)
}

// line prints text, unless the last line had the same key.
func (f *follower) line(text, key string) {
	if f.live {
		_, _ = fmt.Fprintf(f.out, "\r\x1b[K%s", text)
		f.last = "bar"
		return
	}
	if key != f.last {
		_, _ = fmt.Fprintln(f.out, text)
	}
	f.last = key
}

// finish ends the line of the bar.
func (f *follower) finish() {
	if f.live && f.last != "" {
		_, _ = fmt.Fprintln(f.out)
	}
}

// words describes the stage for people.
func words(s *statusAnswer) string {
	text := map[string]string{
		"collecting": "collecting the photos", "preprocessing": "judging the photos", "uploading": "uploading the photos",
		"queued": "waiting for the trainer", "training": "training", "validating": "testing the model",
		"deploying": "storing the model", "done": "done",
	}[s.Stage]
	switch {
	case text == "":
		text = s.Status
	case s.Error != nil && s.Error.Code == "cancelled":
		text = "cancelled"
	case s.Status == "failed" || s.Status == "erasing":
		text = s.Status
	}
	if s.Stage == "queued" && s.QueuePosition != nil {
		text += fmt.Sprintf(", %d before it", *s.QueuePosition)
	}
	if s.Remaining > 0 && !s.ended() {
		text += ", " + left(s.Remaining)
	}
	return text
}

// left describes the remaining time, no more precisely than it can be known.
func left(seconds int) string {
	if seconds < 60 {
		return fmt.Sprintf("about %s left", plural((seconds+4)/5*5, "second"))
	}
	return fmt.Sprintf("about %s left", plural((seconds+30)/60, "minute"))
}

func personaPath(id string) string { return "/api/personas/" + url.PathEscape(id) }
