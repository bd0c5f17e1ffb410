package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/inflio/persona/internal/sitter"
)

// sitterSide is the side of a drawn photo in pixels: such a JPEG weighs a little more than the smallest that is taken.
const sitterSide = 1024

type sitterCommand struct {
	Out      string `required:"" placeholder:"DIR" help:"Folder to write to; it is made if it is missing."`
	Identity uint64 `default:"4" help:"Which person; the same number is the same person (${default})."`
	Count    int    `default:"10" help:"How many photos, 1 to 40 (${default})."`
}

// Run draws a person who does not exist, for trying the system without anybody's photos.
func (c *sitterCommand) Run(ctx context.Context, t *terminal) error {
	if c.Count < 1 || c.Count > 40 {
		return &exitError{code: exitUsage, message: "persona: -count must lie between 1 and 40."}
	}
	if err := os.MkdirAll(c.Out, 0o750); err != nil {
		return &exitError{code: exitFailed, message: fmt.Sprintf("persona: the folder %s cannot be made.", c.Out)}
	}
	for i, portrait := range sitter.New(c.Identity).Set(c.Count, sitterSide) {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := filepath.Join(c.Out, fmt.Sprintf("sitter%d-%02d.jpg", c.Identity, i+1))
		if err := os.WriteFile(name, sitter.EncodePhoto(portrait), 0o600); err != nil {
			return &exitError{code: exitFailed, message: fmt.Sprintf("persona: the photo %s cannot be written.", name)}
		}
		if _, err := fmt.Fprintln(t.out, name); err != nil {
			return err
		}
	}
	return nil
}
