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
	Labels   string `arg:"" optional:"" name:"labels.csv" help:"What is known of the photos; see below."`
	Template string `placeholder:"DIR" help:"Print labels to fill in, for the photos of a folder and of those in it."`
	Strict   bool   `help:"Judge files and pictures that are too small as such; else only what they show is judged."`
	JSON     bool   `name:"json" help:"Print JSON for machines; it also names the files that were judged wrongly."`
}

// Help is printed below the flags.
func (*evalCommand) Help() string {
	return `LABELS.CSV has a row of column names and a row for each photo. Only "file" is needed, a path from the folder of
LABELS.CSV; an empty field is unknown, and nothing is measured by it.

  faces         how many people a judge should see: 0, 1, 2+ ...
  person, set   who it is; which photos were handed in together (the person's, if not said)
  left_eye_x, left_eye_y, right_eye_x, right_eye_y
                the eyes' centres in pixels of the upright picture, first the one on the left of the picture
  yaw, roll     degrees: positive turned to the picture's right, positive tilted clockwise
  duplicate_of  the file that this one is a copy of
  blurred, eyes_hidden, ...
                1 if the photo deserves to be called that, 0 if not; any code of a single photo is a column

The limits of photos are read from the environment, as for the worker. GOMAXPROCS=1 judges one photo at a time.`
}

// Run judges labelled photos and prints how often the judge was right.
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

// template lists the pictures of a folder, named from where labels.csv is written: here.
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

// evalProgress tells how far it is, on a screen alone.
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
