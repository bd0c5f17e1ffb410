package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// inside is how many photos a process handles for a figure without its start; the first one, which also loads what is
// needed, does not count.
const inside = 6

// contender is one line of the table.
type contender struct {
	name    string
	command []string
	within  bool // the process prints the times itself

	clock, processor []float64 // milliseconds, one a photo
	peak             int64     // KB
}

// compare runs every contender once a round, so that what else happens on the machine meets all of them, and writes the
// table.
func compare(ctx context.Context, w io.Writer, rounds int, in, script string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "photos")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	crop := filepath.Join(dir, "crop.jpg")
	many := strconv.Itoa(inside)
	contenders := []*contender{
		{name: "djpeg: decode only, whole process", command: []string{"djpeg", "-outfile", os.DevNull, in}},
		{name: "persona: judge and crop", command: []string{self, "judge", many, in, crop}, within: true},
		{name: "persona: whole process, crop written", command: []string{self, "judge", "1", in, crop}},
		{name: "OpenCV: detect and crop, written", command: []string{"/usr/bin/python3", script, many, in, crop}, within: true},
		{name: "OpenCV: whole process, crop written", command: []string{"/usr/bin/python3", script, "1", in, crop}},
	}
	for range rounds {
		for _, c := range contenders {
			if err := c.run(ctx); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	_, _ = fmt.Fprintf(w, "%-40s %9s %9s %8s %9s\n", "", "clock ms", "cpu ms", "x djpeg", "peak MB")
	for _, c := range contenders {
		_, _ = fmt.Fprintf(w, "%-40s %9.1f %9.1f %8.2f %9.1f\n", c.name, median(c.clock), median(c.processor),
			median(c.processor)/median(contenders[0].processor), float64(c.peak)/1024)
	}
	_, err = fmt.Fprintf(w, "Medians of %d rounds; x djpeg compares what the processor spent.\n", rounds)
	return err
}

func (c *contender) run(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, c.command[0], c.command[1:]...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	begun := time.Now()
	if err := cmd.Run(); err != nil {
		return err
	}
	took := time.Since(begun)
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.peak = max(c.peak, usage.Maxrss)
	}
	if !c.within {
		c.clock = append(c.clock, milliseconds(took))
		c.processor = append(c.processor, milliseconds(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()))
		return nil
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != inside {
		return fmt.Errorf("%d times instead of %d", len(lines), inside)
	}
	for _, line := range lines[1:] {
		var clock, processor float64
		if _, err := fmt.Sscan(line, &clock, &processor); err != nil {
			return err
		}
		c.clock, c.processor = append(c.clock, clock), append(c.processor, processor)
	}
	return nil
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
