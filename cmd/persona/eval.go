package main

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/inflio/persona/internal/eval"
)

type evalCommand struct {
	Labels   string `arg:"" optional:"" name:"labels.csv" help:"What is known about the photos; see below."`
	Template string `placeholder:"DIR" help:"Print labels to fill in, for the photos of a folder and its subfolders."`
	Strict   bool   `help:"Refuse files and pictures that are too small. By default only what they show is judged."`
	JSON     bool   `name:"json" help:"Print JSON for programs; it also names the files that were judged wrongly."`
}

// Help is printed below the flags.
func (*evalCommand) Help() string {
	return `LABELS.CSV has a row of column names and a row for each photo. Only "file" is needed, a path from the folder of
LABELS.CSV. An empty field is unknown and is not measured.

  faces         how many people the judge should find: 0, 1, 2+ ...
  person, set   who it is; which photos belong together (by default those of one person)
  left_eye_x, left_eye_y, right_eye_x, right_eye_y
                the eyes' centres in pixels of the upright picture, first the one on the left of the picture
  yaw, roll     degrees: positive turned to the picture's right, positive tilted clockwise
  duplicate_of  the file that this one is a copy of
  blurred, eyes_hidden, ...
                1 if that is true of the photo, 0 if not; every code of a finding about one photo is a column

The limits of photos are read from the environment, as for the worker. GOMAXPROCS=1 judges one photo at a time.`
}

// Run judges labelled photos and prints how often the judge is right.
func (c *evalCommand) Run(ctx context.Context, t *terminal) error {
	if (c.Template == "") == (c.Labels == "") {
		return &exitError{code: exitUsage, message: "persona: eval needs either LABELS.csv or -template DIR."}
	}
	if c.Template != "" {
		return c.template(t)
	}
	policy, describer, err := judging()
	if err != nil {
		return err
	}
	if !c.Strict {
		policy = eval.Lenient(policy)
	}
	labels, err := eval.Load(c.Labels)
	if err != nil {
		return &exitError{code: exitUsage, message: fmt.Sprintf("persona: %v.", err)}
	}
	report, err := eval.Run(ctx, labels, policy, describer, evalProgress(t))
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(t, report)
	}
	return printReport(t.out, report)
}

// template prints labels for the pictures of a folder, with paths from the current folder.
func (c *evalCommand) template(t *terminal) error {
	var files []string
	err := filepath.WalkDir(c.Template, func(path string, entry fs.DirEntry, err error) error {
		hidden := path != c.Template && strings.HasPrefix(entry.Name(), ".")
		switch {
		case err != nil:
			return err
		case hidden && entry.IsDir():
			return filepath.SkipDir
		case !hidden && entry.Type().IsRegular() && looksLikePicture(path):
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		return &exitError{code: exitUsage, message: fmt.Sprintf("persona: the folder %s cannot be read.", c.Template)}
	}
	if len(files) == 0 {
		return &exitError{code: exitFailed, message: fmt.Sprintf("There are no JPEG or PNG files in %s.", c.Template)}
	}
	return eval.WriteTemplate(t.out, files)
}

// evalProgress returns a function that shows the progress, nil where err is no screen.
func evalProgress(t *terminal) func(done, of int) {
	if !t.liveErr {
		return nil
	}
	return func(done, of int) {
		end := ""
		if done == of {
			end = "\n"
		}
		_, _ = fmt.Fprintf(t.err, "\r%d of %d%s", done, of, end)
	}
}
