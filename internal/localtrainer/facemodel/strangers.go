package facemodel

import (
	"image"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/inflio/persona/internal/sitter"
)

// faceShare is the width of a stranger's face over the shorter side: it brings the eyes as far apart as they are in a
// prepared training picture, so that such a picture fills the frame.
const faceShare = 0.59

// keptStrangers is how many drawn strangers are remembered, 4 MB each at the usual size. A comparison of
// scales, or of pictures with and without the trigger word, asks for the same seeds again, and drawing is half of the work.
const keptStrangers = 12

var strangers struct {
	sync.Mutex
	kept []drawnStranger // the oldest first
}

type drawnStranger struct {
	seed     int64
	size     image.Point
	portrait sitter.Portrait
}

// stranger returns the person that a seed shows without a model. Its picture is shared: it must not be drawn on.
func stranger(o GenerateOptions) sitter.Portrait {
	size := image.Pt(o.Width, o.Height)
	same := func(d drawnStranger) bool { return d.seed == o.Seed && d.size == size }
	strangers.Lock()
	at := slices.IndexFunc(strangers.kept, same)
	if at >= 0 {
		defer strangers.Unlock()
		return strangers.kept[at].portrait
	}
	strangers.Unlock()
	drawn := drawnStranger{seed: o.Seed, size: size, portrait: drawStranger(o)}
	strangers.Lock()
	defer strangers.Unlock()
	if !slices.ContainsFunc(strangers.kept, same) {
		if len(strangers.kept) == keptStrangers {
			strangers.kept = slices.Delete(strangers.kept, 0, 1)
		}
		strangers.kept = append(strangers.kept, drawn)
	}
	return drawn.portrait
}

func drawStranger(o GenerateOptions) sitter.Portrait {
	random := rand.New(rand.NewPCG(uint64(o.Seed), 0x57a))
	between := func(low, high float64) float64 { return low + (high-low)*random.Float64() }
	p := sitter.DefaultPose()
	p.Yaw, p.Pitch, p.Roll = between(-7, 7), between(-3, 3), between(-2, 2)
	p.Smile, p.Light, p.Contrast = between(0, 0.7), between(-40, 40), between(0.15, 0.4)
	p.Distance = faceShare * between(1, 1.04)
	p.Background, p.Outfit = random.Uint64(), random.Uint64()
	p.Noise = 1.5
	return sitter.New(random.Uint64()).Draw(o.Width, o.Height, p)
}
