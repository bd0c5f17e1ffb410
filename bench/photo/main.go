// Command photo measures how long judging and cutting one photo takes, beside other programs that decode or cut the same
// file. It is started by bench/photos.sh.
package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/disintegration/gift"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(w io.Writer, args []string) error {
	switch {
	case len(args) == 2 && args[0] == "draw":
		return draw(args[1])
	case len(args) == 4 && args[0] == "judge":
		rounds, err := strconv.Atoi(args[1])
		if err != nil || rounds < 1 {
			return fmt.Errorf("%q is no number of rounds", args[1])
		}
		return judge(w, rounds, args[2], args[3])
	case len(args) == 4 && args[0] == "compare":
		rounds, err := strconv.Atoi(args[1])
		if err != nil || rounds < 1 {
			return fmt.Errorf("%q is no number of rounds", args[1])
		}
		return compare(context.Background(), w, rounds, args[2], args[3])
	default:
		return fmt.Errorf("usage: photo draw OUT.jpg | judge ROUNDS IN.jpg OUT.jpg | compare ROUNDS IN.jpg opencv.py")
	}
}

// draw writes a drawn portrait of 12 megapixels with the grain of a sensor, as a phone takes it.
func draw(name string) error {
	pose := sitter.DefaultPose()
	pose.Background = 3
	small := sitter.New(3).Draw(1000, 750, pose)
	large := image.NewRGBA(image.Rect(0, 0, 4000, 3000))
	gift.New(gift.Resize(4000, 3000, gift.CubicResampling)).Draw(large, small.Image)
	grain := rand.New(rand.NewPCG(1, 2))
	for i := range large.Pix {
		if i%4 != 3 {
			large.Pix[i] = uint8(min(max(int(large.Pix[i])+grain.IntN(15)-7, 0), 255))
		}
	}
	var out bytes.Buffer
	if err := photo.EncodeJPEG(&out, large, 92); err != nil {
		return err
	}
	return os.WriteFile(name, out.Bytes(), 0o600)
}

// judge judges and cuts a photo, and writes the crop. With more than one round it writes to w the time of each, of the
// judgement and the crop alone: first by the clock, then what the processor spent, in milliseconds.
func judge(w io.Writer, rounds int, in, out string) error {
	data, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	policy := persona.DefaultPhotoPolicy()
	judge := photo.NewJudge(policy, nil)
	var crop *image.RGBA
	for range rounds {
		spent, begun := processor(), time.Now()
		judged, err := judge.Photo(context.Background(), data, time.Time{})
		if err != nil {
			return err
		}
		if crop, err = judged.Prepare(policy.CropSide); err != nil {
			judged.Close()
			return err
		}
		judged.Close()
		if rounds > 1 {
			_, err := fmt.Fprintf(w, "%.2f %.2f\n", milliseconds(time.Since(begun)), milliseconds(processor()-spent))
			if err != nil {
				return err
			}
		}
	}
	var file bytes.Buffer
	if err := photo.EncodeJPEG(&file, crop, 95); err != nil {
		return err
	}
	return os.WriteFile(out, file.Bytes(), 0o600)
}

// processor is how long the processor has worked for this process.
func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
