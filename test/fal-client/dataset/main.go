// Command dataset writes a training archive of drawn portraits with captions to its standard output, for checks that
// are not written in Go.
package main

import (
	"archive/zip"
	"fmt"
	"io"
	"os"

	"github.com/inflio/persona/internal/sitter"
)

const (
	count = 8
	side  = 512
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: dataset TRIGGERWORD >FILE.zip")
		os.Exit(2)
	}
	if err := write(os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "dataset:", err)
		os.Exit(1)
	}
}

func write(out io.Writer, trigger string) error {
	archive := zip.NewWriter(out)
	for i, p := range sitter.New(20).Set(count, side) {
		for name, content := range map[string]string{
			fmt.Sprintf("%02d.jpg", i): string(sitter.EncodePhoto(p)),
			fmt.Sprintf("%02d.txt", i): "a photo of " + trigger,
		} {
			f, err := archive.Create(name)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(f, content); err != nil {
				return err
			}
		}
	}
	return archive.Close()
}
