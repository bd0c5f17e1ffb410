package facemodel_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"image"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/localtrainer/facemodel"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

const trigger = "annaqwerty"

// judge encodes and judges a picture; the policy takes small files and sides.
func judge(img image.Image) (*photo.Judgement, error) {
	p := persona.DefaultPhotoPolicy()
	p.MinBytes, p.MinSide = 0, 64
	var file bytes.Buffer
	if err := photo.EncodeJPEG(&file, img, 95); err != nil {
		return nil, err
	}
	return photo.NewJudge(p, nil).Photo(context.Background(), file.Bytes(), time.Time{})
}

func judged(t *testing.T, img image.Image) *photo.Judgement {
	t.Helper()
	j, err := judge(img)
	require.NoError(t, err)
	return j
}

// trained is a model with what it was made from.
type trained struct {
	weights  []byte
	pictures []facemodel.Picture
	own      []photo.Descriptor
}

// train fits a model to drawn people's photos, which come as prepared crops, as they do in the product; here small.
func train(sets ...[]sitter.Portrait) (m trained, err error) {
	for _, p := range slices.Concat(sets...) {
		j, err := judge(p.Image)
		if err != nil {
			return m, err
		}
		crop, err := j.Prepare(448)
		if err != nil {
			return m, err
		}
		m.pictures = append(m.pictures, facemodel.Picture{Image: crop, Caption: "a photo of " + trigger})
		m.own = append(m.own, j.Descriptor)
	}
	m.weights, err = facemodel.Train(context.Background(), m.pictures, trigger, facemodel.TrainOptions{})
	return m, err
}

// oneModel is trained once for all tests.
var oneModel = sync.OnceValues(func() (trained, error) { return train(sitter.New(3).Set(5, 400)) })

func anna(t testing.TB) trained {
	t.Helper()
	m, err := oneModel()
	require.NoError(t, err)
	return m
}

func generate(t *testing.T, weights []byte, prompt string, scale float64, seed int64) *image.RGBA {
	t.Helper()
	img, err := facemodel.Generate(weights, facemodel.GenerateOptions{Prompt: prompt, Scale: scale, Seed: seed, Width: 512, Height: 512})
	require.NoError(t, err)
	return img
}

func TestLikenessGrowsWithTheScale(t *testing.T) {
	t.Parallel()
	m := anna(t)
	centre, own := photo.OwnCloseness(m.own)
	const seeds = 2
	mean := map[float64]float64{}
	for seed := range int64(seeds) {
		for _, scale := range []float64{0, 0.3, 0.7} {
			j := judged(t, generate(t, m.weights, trigger+" casual portrait", scale, seed))
			require.Equal(t, 1, j.Faces)
			closeness := j.Descriptor.Similarity(centre)
			mean[scale] += closeness / seeds
			if scale == 0.7 {
				require.Greater(t, closeness, own, "as close as the own photos are")
				require.Greater(t, j.Score.Sharpness, 80.0)
				require.Greater(t, j.Score.Lighting, 80.0)
				require.Greater(t, j.Score.FaceDetection, 70.0)
			}
		}
	}
	require.Greater(t, mean[0.3], mean[0])
	require.Greater(t, mean[0.7], mean[0.3])
}

func TestWithoutTheTriggerItIsTheStranger(t *testing.T) {
	t.Parallel()
	m := anna(t)
	stranger := generate(t, nil, trigger+" portrait", 0.8, 5)
	require.Equal(t, stranger.Pix, generate(t, m.weights, "a portrait", 0.8, 5).Pix)
	require.Equal(t, stranger.Pix, generate(t, m.weights, trigger+"x portrait", 0.8, 5).Pix)
	require.Equal(t, stranger.Pix, generate(t, m.weights, trigger+" portrait", 0, 5).Pix)
	require.NotEqual(t, stranger.Pix, generate(t, m.weights, "Portrait of ANNAqwerty, smiling", 0.8, 5).Pix)
	require.NotEqual(t, stranger.Pix, generate(t, nil, "", 0, 6).Pix, "another seed, another stranger")
}

func TestTrainingIsRepeatableAndTellsItsProgress(t *testing.T) {
	t.Parallel()
	m := anna(t)
	last, end := -1, 0
	again, err := facemodel.Train(t.Context(), m.pictures, trigger, facemodel.TrainOptions{Steps: 700, Progress: func(step, of int) {
		require.GreaterOrEqual(t, step, last)
		last, end = step, of
	}})
	require.NoError(t, err)
	require.Equal(t, 700, last)
	require.Equal(t, 700, end)
	require.True(t, bytes.Equal(m.weights, again))
	one, other := generate(t, m.weights, trigger, 0.6, 9), generate(t, m.weights, trigger, 0.6, 9)
	require.Equal(t, one.Pix, other.Pix)
}

func TestTwoPeopleMakeABadModel(t *testing.T) {
	t.Parallel()
	m, err := train(sitter.New(2).Set(4, 400), sitter.New(9).Set(4, 400))
	require.NoError(t, err)
	centre, fifth := photo.OwnCloseness(m.own)
	consistent := 0
	for seed := range int64(3) {
		j := judged(t, generate(t, m.weights, trigger, 0.7, seed))
		if j.Faces == 1 && j.Descriptor.Similarity(centre) >= fifth {
			consistent++
		}
	}
	require.LessOrEqual(t, consistent, 2, "less than 0.8 of the pictures")
}

func TestAugmentedCopiesAreTheSamePhoto(t *testing.T) {
	t.Parallel()
	three := anna(t).pictures[:3]
	pictures := slices.Clone(three)
	for i, p := range three {
		for _, v := range photo.Augment(p.Image.(*image.RGBA), uint64(i), 2) {
			pictures = append(pictures, facemodel.Picture{Image: v})
		}
	}
	_, err := facemodel.Train(t.Context(), pictures, trigger, facemodel.TrainOptions{})
	require.ErrorIs(t, err, facemodel.ErrTooFewFaces, "three photos are three, however often they are varied")
}

func TestPicturesThatTeachNothing(t *testing.T) {
	t.Parallel()
	m := anna(t)
	grey := image.NewGray(image.Rect(0, 0, 200, 200))
	for i := range grey.Pix {
		grey.Pix[i] = 128
	}
	other := make([]facemodel.Picture, len(m.pictures))
	for i, p := range m.pictures {
		other[i] = facemodel.Picture{Image: p.Image, Caption: "a photo of somebody else"}
	}
	for name, pictures := range map[string][]facemodel.Picture{
		"none":                   nil,
		"three faces":            m.pictures[:3],
		"hardly a face":          {{Image: grey}, m.pictures[0]},
		"captions without it":    other,
		"one picture many times": {m.pictures[0], m.pictures[0], m.pictures[0], m.pictures[0]},
	} {
		_, err := facemodel.Train(t.Context(), pictures, trigger, facemodel.TrainOptions{})
		require.ErrorIs(t, err, facemodel.ErrTooFewFaces, name)
	}
}

// One picture that brings a fault to light ends its training, and not the server.
func TestAPanicInParallelReachesTheCaller(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, "row 70", func() {
		facemodel.InParallel(100, func(from, to int) {
			if from <= 70 && 70 < to {
				panic("row 70")
			}
		})
	})
}

func TestCancelledTrainingStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := facemodel.Train(ctx, anna(t).pictures, trigger, facemodel.TrainOptions{Progress: func(int, int) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
}

func TestWeightsAreSafetensors(t *testing.T) {
	t.Parallel()
	weights := anna(t).weights
	size := binary.LittleEndian.Uint64(weights)
	var header map[string]struct {
		Type    string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	var meta struct {
		Data map[string]string `json:"__metadata__"`
	}
	require.NoError(t, json.Unmarshal(weights[8:8+size], &meta))
	require.Equal(t, trigger, meta.Data["trigger_word"])
	require.Equal(t, "4", meta.Data["rank"])
	var entries map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(weights[8:8+size], &entries))
	delete(entries, "__metadata__")
	clean, err := json.Marshal(entries)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(clean, &header))
	covered := 0
	for name, e := range header {
		n := map[string]int{"F16": 2, "F32": 4}[e.Type]
		for _, d := range e.Shape {
			n *= d
		}
		require.Equal(t, n, e.Offsets[1]-e.Offsets[0], name)
		covered += n
	}
	require.Equal(t, len(weights)-8-int(size), covered, "no byte without a tensor")
	require.Less(t, len(weights), 12<<20)
}

func TestDamagedWeightsAndSizesAreRefused(t *testing.T) {
	t.Parallel()
	weights := anna(t).weights
	for name, bad := range map[string][]byte{
		"empty": {}, "short": weights[:7], "cut": weights[:len(weights)/2], "header only": weights[:600],
		"huge header": bytes.Repeat([]byte{0xff}, 64), "other": append([]byte{2, 0, 0, 0, 0, 0, 0, 0}, "{}"...),
	} {
		_, err := facemodel.Generate(bad, facemodel.GenerateOptions{Prompt: trigger, Scale: 1})
		require.ErrorIs(t, err, facemodel.ErrWeights, name)
	}
	for _, size := range [][2]int{{63, 512}, {512, 2049}, {-1, 512}} {
		_, err := facemodel.Generate(nil, facemodel.GenerateOptions{Width: size[0], Height: size[1]})
		require.ErrorIs(t, err, facemodel.ErrSize)
	}
	for _, size := range [][2]int{{320, 180}, {180, 320}} {
		img, err := facemodel.Generate(weights, facemodel.GenerateOptions{Prompt: trigger, Scale: 0.7, Width: size[0], Height: size[1]})
		require.NoError(t, err)
		require.Equal(t, image.Rect(0, 0, size[0], size[1]), img.Rect)
	}
}

func FuzzGenerateFromAnyWeights(f *testing.F) {
	f.Add([]byte{})
	f.Add(anna(f).weights[:700])
	f.Fuzz(func(t *testing.T, weights []byte) {
		_, _ = facemodel.Generate(append([]byte{}, weights...), facemodel.GenerateOptions{Prompt: trigger, Scale: 0.7, Width: 64, Height: 64})
	})
}
