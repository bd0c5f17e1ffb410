package main

import (
	"context"
	"fmt"
	"image"
	"os"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sheet"
)

type scoreCommand struct {
	Files []string `arg:"" name:"file" help:"Photos, or folders of photos."`
	JSON  bool     `name:"json" help:"Print JSON for programs, with every measure."`
	Sheet string   `placeholder:"FILE" help:"Also draw a contact sheet (PNG) with faces, eyes, scores and verdicts."`
}

// scored is one photo and its verdict.
type scored struct {
	File string `json:"file"`
	persona.PhotoReport
	Faces   int           `json:"faces"`
	Quality photo.Quality `json:"quality"`

	measures photo.Measures // zero for what could not be decoded
	small    image.Image    // for the contact sheet
	scale    float64
}

// scores is the result for all photos.
type scores struct {
	Photos []scored          `json:"photos"`
	Set    persona.SetReport `json:"set"`
}

// Run scores every photo and compares them as a training does. The exit code is 1 if a photo is refused.
func (c *scoreCommand) Run(ctx context.Context, t *terminal) error {
	policy, describer, err := judging()
	if err != nil {
		return err
	}
	files, err := c.expand()
	if err != nil {
		return err
	}
	judge := photo.NewJudge(policy, describer)
	all, err := c.judge(ctx, t, judge, files)
	if err != nil {
		return err
	}
	if c.Sheet != "" {
		if err := all.draw(c.Sheet); err != nil {
			return err
		}
	}
	if c.JSON {
		err = printJSON(t, all)
	} else {
		err = all.print(t)
	}
	if err == nil && all.accepted() < len(all.Photos) {
		err = &exitError{code: exitFailed}
	}
	return err
}

// judge judges the files in parallel, as many at one time as there are processors, and then as a set.
func (c *scoreCommand) judge(ctx context.Context, t *terminal, judge *photo.Judge, files []string) (*scores, error) {
	all := &scores{Photos: make([]scored, len(files))}
	progress := newCounter(t, len(files))
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, file := range files {
		group.Go(func() error {
			if err := inner.Err(); err != nil {
				return err
			}
			s, err := c.file(inner, judge, file)
			if err != nil {
				return err
			}
			s.Index = i
			all.Photos[i] = s
			progress.add()
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	progress.clear()
	members := make([]photo.Member, len(files))
	for i, s := range all.Photos {
		members[i] = photo.Member{Index: i, Accepted: s.Accepted, Measures: s.measures}
	}
	set := judge.Set(members, judge.Policy.MaxUsed)
	all.Set = set.Report
	for i, choice := range set.Choices {
		s := &all.Photos[i]
		s.PhotoReport = s.WithChoice(choice.Use, choice.Primary, choice.Findings)
	}
	return all, nil
}

// file judges a photo as an upload and a training do.
func (c *scoreCommand) file(ctx context.Context, judge *photo.Judge, name string) (scored, error) {
	f, err := os.Open(name)
	if err != nil {
		return scored{}, &exitError{code: exitFailed, message: fmt.Sprintf("persona: %s cannot be read.", name)}
	}
	defer func() { _ = f.Close() }()
	judged, err := judge.File(ctx, f, time.Now())
	if err != nil {
		if ctx.Err() != nil {
			return scored{}, ctx.Err()
		}
		return scored{}, &exitError{code: exitFailed, message: fmt.Sprintf("persona: %s cannot be judged: %v.", name, err)}
	}
	defer judged.Close()
	s := scored{
		File: name, PhotoReport: judged.Report("", 0, judge.Policy), Faces: judged.Faces, Quality: judged.Quality,
		measures: judged.Measures,
	}
	if c.Sheet != "" {
		// A nil picture in an interface would not be nil.
		if small, scale := judged.Thumbnail(sheet.PictureSide); small != nil {
			s.small, s.scale = small, scale
		}
	}
	return s, nil
}

// expand replaces each folder by its pictures.
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
