package photo_test

import (
	"bytes"
	"context"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

// side of the drawn portraits: the eyes are about 70 pixels apart.
const side = 370

// portrait makes a portrait of one drawn person.
func portrait(identity uint64, change func(*sitter.Pose)) sitter.Portrait {
	pose := sitter.DefaultPose()
	pose.Background, pose.Outfit = identity, identity
	if change != nil {
		change(&pose)
	}
	return sitter.New(identity).Draw(side, side, pose)
}

// judge judges a portrait as a PNG file, whose pixels are exactly those that were drawn.
func judge(t testing.TB, p sitter.Portrait) *photo.Judgement {
	t.Helper()
	j, err := look(encodePNG(t, p.Image), smallPolicy())
	require.NoError(t, err)
	return j
}

// look judges a file by the policy p, with the classical describer.
func look(data []byte, p persona.PhotoPolicy) (*photo.Judgement, error) {
	return photo.NewJudge(p, nil).Photo(context.Background(), data, time.Time{})
}

// plain is one frontal portrait, drawn and judged once for all tests that only need some face.
var plain = sync.OnceValues(func() (sitter.Portrait, *photo.Judgement) {
	p := portrait(3, nil)
	return p, judgeJPEG(p)
})

// judgeJPEG judges a portrait as the JPEG file that a person would send. It is for what tests share, and so panics.
func judgeJPEG(p sitter.Portrait) *photo.Judgement {
	var b bytes.Buffer
	if err := photo.EncodeJPEG(&b, p.Image, 95); err != nil {
		panic(err)
	}
	j, err := look(b.Bytes(), smallPolicy())
	if err != nil {
		panic(err)
	}
	return j
}

// off is how far the eyes found lie from the true ones, in eye distances.
func off(p sitter.Portrait, f photo.Face) float64 {
	var sum float64
	for i, e := range p.Eyes {
		sum += math.Hypot(f.Eyes[i].X-e[0], f.Eyes[i].Y-e[1])
	}
	return sum / 2 / p.EyeDistance()
}
