package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/inflio/persona/internal/sitter"
)

// sitterSide is the side of a drawn photo in pixels. Its JPEG file is a little larger than the smallest accepted one.
const sitterSide = 1024

// goodBesideFaults is how many good photos are drawn beside the faulty ones: some faults are only found in a set.
const goodBesideFaults = 6

type sitterCommand struct {
	Out      string `required:"" placeholder:"DIR" help:"Folder to write to. It is created if it does not exist."`
	Identity uint64 `default:"7" help:"Number of the person (${default})."`
	Count    int    `default:"10" help:"How many photos, 1 to 40 (${default})."`
	Faults   bool   `help:"Draw a bad photo for every rule, named after it, and some good ones."`

	Only []string `placeholder:"CODE" help:"Draw only the faults with these codes, and good photos only if one of them needs a set."`
}

// Run draws photos of a person who does not exist.
func (c *sitterCommand) Run(ctx context.Context, t *terminal) error {
	if c.Count < 1 || c.Count > 40 {
		return &exitError{code: exitUsage, message: "persona: -count must lie between 1 and 40."}
	}
	if len(c.Only) > 0 && !c.Faults {
		return &exitError{code: exitUsage, message: "persona: -only goes with -faults."}
	}
	for _, code := range c.Only {
		if !slices.ContainsFunc(sitter.Faults(), func(f sitter.Fault) bool { return f.Code == code }) {
			return &exitError{code: exitUsage, message: fmt.Sprintf("persona: no photo is drawn for the code %s.", code)}
		}
	}
	if err := os.MkdirAll(c.Out, 0o750); err != nil {
		return &exitError{code: exitFailed, message: fmt.Sprintf("persona: the folder %s cannot be made.", c.Out)}
	}
	if c.Faults {
		return c.drawFaults(ctx, t)
	}
	return c.drawSet(ctx, t, fmt.Sprintf("sitter%d-", c.Identity), c.Count)
}

func (c *sitterCommand) drawSet(ctx context.Context, t *terminal, prefix string, count int) error {
	s := sitter.New(c.Identity)
	for i := range count {
		photo := sitter.EncodePhoto(s.SetPortrait(i, sitterSide))
		if err := c.save(ctx, t, fmt.Sprintf("%s%02d", prefix, i+1), photo); err != nil {
			return err
		}
	}
	return nil
}

func (c *sitterCommand) drawFaults(ctx context.Context, t *terminal) error {
	needSet := false
	for _, f := range sitter.Faults() {
		if len(c.Only) > 0 && !slices.Contains(c.Only, f.Code) {
			continue
		}
		needSet = needSet || f.OfSet
		if err := c.save(ctx, t, f.Name, f.Draw(c.Identity)); err != nil {
			return err
		}
	}
	if !needSet {
		return nil
	}
	return c.drawSet(ctx, t, "good-", goodBesideFaults)
}

// save writes one photo as soon as it is drawn, so that only one is in memory.
func (c *sitterCommand) save(ctx context.Context, t *terminal, name string, photo []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	file := filepath.Join(c.Out, name+".jpg")
	if err := os.WriteFile(file, photo, 0o600); err != nil {
		return &exitError{code: exitFailed, message: fmt.Sprintf("persona: the photo %s cannot be written.", file)}
	}
	_, err := fmt.Fprintln(t.out, file)
	return err
}
