package facemodel_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"image/jpeg"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/localtrainer/facemodel"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

// TestGoodSetsPass trains on good sets of drawn people and validates the models. At small sizes it does so for one
// person, whose photos are more unlike each other than most people's. As the product does it, and with a table:
//
//	go test ./internal/localtrainer/facemodel -run TestGoodSetsPass -v -timeout 5h -full -identities 1-50 -uploads 3
var (
	full       = flag.Bool("full", false, "TestGoodSetsPass at the product's sizes and with the sweep of strengths")
	identities = flag.String("identities", "1", "people of TestGoodSetsPass, as 25 or 1-50")
	uploads    = flag.Int("uploads", 2, "how often TestGoodSetsPass uploads each person's photos, in another order each time")
	setSize    = flag.Int("photos", 5, "photos of each set of TestGoodSetsPass")
	reseed     = flag.Bool("reseed", false, "TestGoodSetsPass varies the photos differently in each upload")
)

// sizes are the sides of pictures, in pixels.
type sizes struct{ photo, crop, sample int }

func TestGoodSetsPass(t *testing.T) {
	t.Parallel()
	var first, last uint64
	if n, _ := fmt.Sscanf(*identities, "%d-%d", &first, &last); n == 1 {
		last = first
	}
	side := sizes{photo: 512, crop: 448, sample: 512}
	if *full {
		side = sizes{photo: 1024, crop: 1024, sample: 1024}
	}
	t.Logf("person upload discord strength consistency quality trigger   own")
	for id := first; id <= last; id++ {
		var photos [][]byte
		for _, p := range sitter.New(id).Set(*setSize, side.photo) {
			photos = append(photos, sitter.EncodePhoto(p))
		}
		measured := map[[sha256.Size]byte]measurement{} // by weights: the same weights draw the same pictures
		for n := range *uploads {
			random := rand.New(rand.NewPCG(id, uint64(n)))
			random.Shuffle(len(photos), func(a, b int) { photos[a], photos[b] = photos[b], photos[a] })
			u, err := prepareUpload(t.Context(), photos, side, random)
			require.NoError(t, err)
			if len(u.own) < u.judge.Policy.MinPhotos {
				require.NotEmpty(t, u.refusals)
				t.Logf("%6d %6d not a good set: %s", id, n, strings.Join(u.refusals, ", "))
				continue
			}
			weights, err := facemodel.Train(t.Context(), u.pictures, trigger, facemodel.TrainOptions{})
			require.NoError(t, err)
			sum := sha256.Sum256(weights)
			m, known := measured[sum]
			if !known {
				m, err = u.measure(t.Context(), weights)
				require.NoError(t, err)
				measured[sum] = m
			}
			same := ""
			if known {
				same = " same weights"
			}
			t.Logf("%6d %6d %7.3f %8.1f %11.2f %7.2f %7.2f %5.3f%s", id, n, facemodel.Spread(weights), m.strength,
				m.checks.FaceConsistency, m.checks.QualityScore, m.checks.TriggerEffectiveness, m.closeEnough, same)
			assert.True(t, m.checks.Passed(), "person %d, upload %d: a good set failed", id, n)
		}
		if !*reseed {
			require.LessOrEqual(t, len(measured), 1, "the same photos gave different models")
		}
	}
}

// uploaded is what becomes of the photos of one upload before the training.
type uploaded struct {
	judge    *photo.Judge
	side     sizes
	pictures []facemodel.Picture
	own      []photo.Descriptor // of the photos in use
	refusals []string
}

// prepareUpload judges, chooses and prepares photos as the product's activities do.
func prepareUpload(ctx context.Context, photos [][]byte, side sizes, random *rand.Rand) (uploaded, error) {
	policy := persona.DefaultPhotoPolicy()
	policy.CropSide = side.crop
	if side.photo < 1024 {
		policy.MinBytes = 0
	}
	u := uploaded{judge: photo.NewJudge(policy, nil), side: side}
	var members []photo.Member
	var prepared [][][]byte
	for i, file := range photos {
		judged, err := u.judge.Bytes(ctx, file, time.Time{})
		if err != nil {
			return u, err
		}
		var files [][]byte
		if judged.Accepted(u.judge.Policy) {
			if files, err = judged.TrainingFiles(u.judge.Policy); err == nil && *reseed {
				files, err = varied(judged, u.judge.Policy, random.Uint64())
			}
		}
		judged.Close()
		if err != nil {
			return u, err
		}
		prepared = append(prepared, files)
		members = append(members, photo.Member{Index: i, Accepted: judged.Accepted(u.judge.Policy), Measures: judged.Measures})
		for _, f := range judged.Findings {
			if f.Refuses {
				u.refusals = append(u.refusals, string(f.Code))
			}
		}
	}
	for i, c := range u.judge.Set(members, u.judge.Policy.MaxUsed).Choices {
		if !c.Use {
			continue
		}
		u.own = append(u.own, members[i].Measures.Descriptor)
		for _, file := range prepared[i] {
			img, err := jpeg.Decode(bytes.NewReader(file))
			if err != nil {
				return u, err
			}
			u.pictures = append(u.pictures, facemodel.Picture{Image: img, Caption: persona.Caption(trigger)})
		}
	}
	return u, nil
}

// varied is TrainingFiles with another seed.
func varied(judged *photo.Judgement, p persona.PhotoPolicy, seed uint64) ([][]byte, error) {
	crop, err := judged.Prepare(p.CropSide)
	if err != nil {
		return nil, err
	}
	var files [][]byte
	for _, img := range slices.Insert(photo.Augment(crop, seed, p.Augment), 0, crop) {
		var b bytes.Buffer
		if err := photo.EncodeJPEG(&b, img, 95); err != nil {
			return nil, err
		}
		files = append(files, b.Bytes())
	}
	return files, nil
}

// measurement is the result of a validation.
type measurement struct {
	strength    float64
	checks      persona.CheckScores
	closeEnough float64
}

// The seeds and numbers of pictures are those of the product's validation.
const (
	sweepSeed  = 7_001
	checkSeed  = 42
	checkCount = 3
	stride     = 100 // from one prompt's seeds to the next's
)

// measure validates weights as the product's workflow does: the best strength of a sweep, then the checks at that.
func (u uploaded) measure(ctx context.Context, weights []byte) (m measurement, err error) {
	var middle photo.Descriptor
	middle, m.closeEnough = photo.OwnCloseness(u.own)
	look := func(prompt int, seed int64, strength float64, word string) (closeness, quality float64, e error) {
		img, e := facemodel.Generate(weights, facemodel.GenerateOptions{
			Prompt: persona.ValidationPrompt(prompt, word), Scale: strength, Seed: seed + int64(stride*prompt),
			Width: u.side.sample, Height: u.side.sample,
		})
		if e != nil {
			return 0, 0, e
		}
		var file bytes.Buffer
		if e := jpeg.Encode(&file, img, &jpeg.Options{Quality: 95}); e != nil {
			return 0, 0, e
		}
		judged, e := u.judge.Photo(ctx, file.Bytes(), time.Time{})
		if e != nil {
			return 0, 0, e
		}
		defer judged.Close()
		closeness = -1
		if judged.Faces == 1 && len(judged.Descriptor) > 0 {
			closeness = judged.Descriptor.Similarity(middle)
		}
		return closeness, judged.Score.Overall / 100, nil
	}
	m.strength = 0.7
	if *full {
		if m.strength, err = sweep(look, m.closeEnough); err != nil {
			return m, err
		}
	}
	const pictures = persona.Scenes * checkCount
	for prompt := range persona.Scenes {
		for i := range int64(checkCount) {
			with, quality, err := look(prompt, checkSeed+i, m.strength, trigger)
			if err != nil {
				return m, err
			}
			without, _, err := look(prompt, checkSeed+i, m.strength, "")
			if err != nil {
				return m, err
			}
			if with >= m.closeEnough {
				m.checks.FaceConsistency += 1.0 / pictures
			}
			if with > without {
				m.checks.TriggerEffectiveness += 1.0 / pictures
			}
			m.checks.QualityScore += quality / pictures
		}
	}
	return m, nil
}

// sweep returns the best strength.
func sweep(
	look func(prompt int, seed int64, strength float64, word string) (closeness, quality float64, err error), closeEnough float64,
) (float64, error) {
	var scores []persona.StrengthScore
	for _, strength := range persona.Strengths() {
		s := persona.StrengthScore{Strength: strength}
		for prompt := range persona.Scenes {
			closeness, quality, err := look(prompt, sweepSeed, strength, trigger)
			if err != nil {
				return 0, err
			}
			if closeness >= closeEnough {
				s.Consistency += 1.0 / persona.Scenes
			}
			s.Closeness += closeness / persona.Scenes
			s.Quality += quality / persona.Scenes
		}
		scores = append(scores, s)
	}
	best, _ := persona.BestStrength(scores)
	return best.Strength, nil
}
