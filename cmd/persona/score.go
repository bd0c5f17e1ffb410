package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

type scoreCommand struct {
	Files []string `arg:"" name:"file" help:"Photos, or folders of photos."`
	JSON  bool     `name:"json" help:"Print JSON for machines."`
}

// scored is one photo and its verdict.
type scored struct {
	File     string            `json:"file"`
	Accepted bool              `json:"accepted"`
	Width    int               `json:"width"`
	Height   int               `json:"height"`
	Faces    int               `json:"faces"`
	Face     persona.Rect      `json:"face_bounds,omitzero"`
	Score    persona.Score     `json:"score"`
	Findings []persona.Finding `json:"findings"`

	measures photo.Measures // zero for what could not be decoded
}

// Run scores every photo, and compares them with each other as a training would; the exit code is 1 when one of them
// would not be used.
func (c *scoreCommand) Run(ctx context.Context, t *terminal) error {
	policy := persona.DefaultPhotoPolicy()
	if err := env.Parse(&policy); err != nil {
		return &exitError{code: exitUsage, message: "persona: the PERSONA_PHOTO settings of the environment cannot be read."}
	}
	files, err := c.expand()
	if err != nil {
		return err
	}
	results := make([]scored, 0, len(files))
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, err := scoreFile(file, policy)
		if err != nil {
			return err
		}
		results = append(results, s)
	}
	compare(results, policy)
	if c.JSON {
		err = printJSON(t, results)
	} else {
		err = printScores(t, results)
	}
	if err == nil && slices.ContainsFunc(results, func(s scored) bool { return !s.Accepted }) {
		err = &exitError{code: exitFailed}
	}
	return err
}

// compare adds what only the photos together tell: copies of one another, and faces of somebody else. The photos are
// numbered as they are listed.
func compare(results []scored, policy persona.PhotoPolicy) {
	members := make([]photo.Member, len(results))
	for i, s := range results {
		members[i] = photo.Member{Index: i, Accepted: s.Accepted, Measures: s.measures}
	}
	policy.MaxUsed = len(members) // nobody asked which of them are the best
	for i, choice := range photo.NewJudge(policy, nil).Set(members, len(members)).Choices {
		results[i].Accepted = choice.Use
		results[i].Findings = persona.RefusalsFirst(append(results[i].Findings, choice.Findings...))
	}
}

// expand puts the pictures of a folder in the folder's place.
func (c *scoreCommand) expand() ([]string, error) {
	var files []string
	for _, name := range c.Files {
		info, err := os.Stat(name)
		switch {
		case err != nil:
			return nil, &exitError{code: exitFailed, message: fmt.Sprintf("persona: there is no file %s.", name)}
		case !info.IsDir():
			files = append(files, name)
			continue
		}
		inside, _, err := picturesIn(name)
		if err != nil {
			return nil, err
		}
		files = append(files, inside...)
	}
	return files, nil
}

// scoreFile judges a photo as an upload and a training would: first by what the file tells, then by looking.
func scoreFile(name string, policy persona.PhotoPolicy) (scored, error) {
	s := scored{File: name, Findings: []persona.Finding{}}
	f, err := os.Open(name)
	if err != nil {
		return s, &exitError{code: exitFailed, message: fmt.Sprintf("persona: %s cannot be read.", name)}
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, policy.MaxBytes+1))
	if err != nil {
		return s, &exitError{code: exitFailed, message: fmt.Sprintf("persona: %s cannot be read.", name)}
	}
	if int64(len(data)) > policy.MaxBytes {
		inspector := photo.NewInspector(policy)
		_, _ = inspector.Write(data)
		_, _ = io.Copy(inspector, f) // what is over the limit is only looked through
		facts := inspector.Facts()
		s.Width, s.Height, s.Findings = facts.Width, facts.Height, facts.Findings
		return s, nil
	}
	judged, err := photo.NewJudge(policy, nil).Photo(context.Background(), data, time.Time{})
	if err != nil {
		return s, s.undecodable(err)
	}
	defer judged.Close()
	s.measures = judged.Measures
	s.Accepted, s.Score, s.Faces, s.Face = judged.Accepted(policy), judged.Score, judged.Faces, judged.Face.Box
	s.Width, s.Height = judged.Width, judged.Height
	s.Findings = append(s.Findings, judged.Findings...)
	return s, nil
}

// undecodable takes the findings out of the error of a photo that could not be decoded.
func (s *scored) undecodable(err error) error {
	var e *persona.Error
	if !errors.As(err, &e) {
		return err
	}
	for _, p := range e.Photos {
		s.Findings = append(s.Findings, p.Findings...)
	}
	if len(s.Findings) == 0 {
		s.Findings = append(s.Findings, persona.NewFinding(persona.PhotoDamaged, true, ""))
	}
	return nil
}

func printScores(t *terminal, results []scored) error {
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "NO\tPHOTO\tOVERALL\tRESOLUTION\tSHARPNESS\tLIGHTING\tFACE\tSIZE\tVERDICT")
	accepted := 0
	for n, s := range results {
		verdict := "refused"
		if s.Accepted {
			verdict = "good"
			accepted++
		}
		_, _ = fmt.Fprintf(w, "%d\t%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%dx%d\t%s\n", n+1, filepath.Base(s.File), s.Score.Overall,
			s.Score.Resolution, s.Score.Sharpness, s.Score.Lighting, s.Score.FaceDetection, s.Width, s.Height, verdict)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for n, s := range results {
		for i, f := range s.Findings {
			if i == 0 {
				_, _ = fmt.Fprintf(t.out, "\n%d  %s\n", n+1, filepath.Base(s.File))
			}
			_, _ = fmt.Fprintf(t.out, "  %s\n", worded(f))
		}
	}
	_, err := fmt.Fprintf(t.out, "\n%d of %s can be used.\n", accepted, plural(len(results), "photo"))
	return err
}
