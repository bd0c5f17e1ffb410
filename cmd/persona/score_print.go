package main

import (
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"sync"
	"text/tabwriter"

	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sheet"
)

func (all *scores) accepted() int {
	n := 0
	for _, s := range all.Photos {
		if s.Accepted {
			n++
		}
	}
	return n
}

// print writes the table, then the findings about each photo, then the report on the set.
func (all *scores) print(t *terminal) error {
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "NO\tPHOTO\tOVERALL\tRESOLUTION\tSHARPNESS\tLIGHTING\tFACE\tSIZE\tVERDICT")
	for n, s := range all.Photos {
		_, _ = fmt.Fprintf(w, "%d\t%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%dx%d\t%s\n", n+1, filepath.Base(s.File), s.Score.Overall,
			s.Score.Resolution, s.Score.Sharpness, s.Score.Lighting, s.Score.FaceDetection, s.Width, s.Height, s.Verdict.Words())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for n, s := range all.Photos {
		for i, f := range s.Findings {
			if i == 0 {
				_, _ = fmt.Fprintf(t.out, "\n%d  %s\n", n+1, filepath.Base(s.File))
			}
			_, _ = fmt.Fprintf(t.out, "  %s\n", worded(f))
		}
	}
	_, err := fmt.Fprintf(t.out, "\n%d of %s can be used.\n", all.accepted(), plural(len(all.Photos), "photo"))
	if len(all.Photos) > 1 {
		err = all.printSet(t)
	}
	return err
}

// printSet writes the report on a set.
func (all *scores) printSet(t *terminal) (err error) {
	if all.Set.Tier != "" {
		_, err = fmt.Fprintf(t.out, "They reach the %s tier.\n", all.Set.Tier)
	}
	if len(all.Set.Coverage) > 0 {
		_, err = fmt.Fprintln(t.out, "\nWhat they show:")
	}
	for _, cover := range all.Set.Coverage {
		_, err = fmt.Fprintf(t.out, "  %s\n", cover)
	}
	if len(all.Set.Advice) > 0 {
		_, err = fmt.Fprintln(t.out, "\nWhat helps:")
	}
	for _, advice := range all.Set.Advice {
		_, err = fmt.Fprintf(t.out, "  %s\n", advice)
	}
	return err
}

// draw writes the contact sheet.
func (all *scores) draw(path string) error {
	photos := make([]sheet.Photo, len(all.Photos))
	for i, s := range all.Photos {
		photos[i] = sheet.Photo{
			Name: filepath.Base(s.File), Picture: s.small, Scale: s.scale, Report: s.PhotoReport, Points: marks(s.measures.Face),
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) // others may not see the faces
	if err == nil {
		err = png.Encode(f, sheet.Draw(photos, all.Set))
		if closing := f.Close(); err == nil {
			err = closing
		}
	}
	if err != nil {
		return &exitError{code: exitFailed, message: fmt.Sprintf("persona: the sheet %s cannot be written.", path)}
	}
	return nil
}

func marks(f photo.Face) []sheet.Mark {
	var out []sheet.Mark
	for _, p := range f.Landmarks {
		out = append(out, sheet.Mark{X: p.X, Y: p.Y})
	}
	if len(out) > 0 {
		for _, eye := range f.Eyes {
			out = append(out, sheet.Mark{X: eye.X, Y: eye.Y, Eye: true})
		}
	}
	return out
}

// counter shows the progress, on a terminal only.
type counter struct {
	t           *terminal
	mu          sync.Mutex
	done, total int
}

func newCounter(t *terminal, total int) *counter { return &counter{t: t, total: total} }

func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	if c.t.liveErr {
		_, _ = fmt.Fprintf(c.t.err, "\r%d of %s", c.done, plural(c.total, "photo"))
	}
}

func (c *counter) clear() {
	if c.t.liveErr {
		_, _ = fmt.Fprint(c.t.err, "\r\033[K")
	}
}
