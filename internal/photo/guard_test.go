package photo_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gen2brain/jpegn"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// faulty fails to describe the first face: it panics with thrown, or returns err.
type faulty struct {
	photo.Describer
	thrown any
	err    error
}

func (f *faulty) Describe(face photo.Aligned) (photo.Descriptor, error) {
	thrown, err := f.thrown, f.err
	f.thrown, f.err = nil, nil
	switch {
	case thrown != nil:
		panic(thrown)
	case err != nil:
		return nil, err
	}
	return f.Describer.Describe(face)
}

// requireRefused checks that the one finding is that a photo cannot be judged.
func requireRefused(t *testing.T, findings []persona.Finding) {
	t.Helper()
	require.Equal(t, []persona.Finding{persona.NewFinding(persona.PhotoCannotBeJudged, true, "")}, findings)
}

func TestAPhotoThatPanicsIsRefusedAndReleasesItsMemory(t *testing.T) {
	t.Parallel()
	data := encodePhoto(t, portrait(3, nil).Image)
	p := smallPolicy()
	_, _, bytes, err := photo.Planned(data, p)
	require.NoError(t, err)
	p.MaxMemory = bytes
	for _, c := range []struct {
		name, fault string
		thrown      any
		err         error
	}{
		{"an error", "no such layer in photo_test.(*faulty).Describe:", errors.New("no such layer"), nil},
		{"a text", "out of luck in photo_test.(*faulty).Describe:", "out of luck", nil},
		{"data", "a panic with photo.Descriptor in photo_test.(*faulty).Describe:", photo.Descriptor{0.25}, nil},
		{"an error returned", "the network gives no numbers", nil, errors.New("the network gives no numbers")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			judge := photo.NewJudge(p, &faulty{photo.Classical(), c.thrown, c.err})
			_, err := judge.Photo(t.Context(), data, time.Time{})
			var e *persona.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, persona.CodePhotosUnusable, e.Code)
			requireRefused(t, e.Photos[0].Findings)
			require.ErrorContains(t, err, c.fault)
			require.NotContains(t, err.Error(), "0.25")

			judge = photo.NewJudge(p, &faulty{photo.Classical(), c.thrown, c.err})
			j, err := judge.Bytes(t.Context(), data, time.Time{})
			require.NoError(t, err)
			requireRefused(t, j.Findings)
			require.False(t, j.Accepted(p))
			require.False(t, j.Decoded())
			require.Contains(t, j.Fault, c.fault)
			require.Positive(t, j.Width)

			soon, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			j, err = judge.Bytes(soon, data, time.Time{})
			require.NoError(t, err, "the photo that failed kept its memory")
			require.Equal(t, 1, j.Faces)
			require.Empty(t, j.Fault)
			j.Close()
		})
	}
}

func TestAPhotoThatPanicsWhenItIsPreparedIsRefused(t *testing.T) {
	t.Parallel()
	p := smallPolicy()
	j, err := photo.NewJudge(p, nil).Bytes(t.Context(), encodePhoto(t, portrait(3, nil).Image), time.Time{})
	require.NoError(t, err)
	defer j.Close()
	require.True(t, j.Accepted(p))
	photo.Break(j)
	files, err := j.TrainingFiles(p)
	require.NoError(t, err)
	require.Empty(t, files)
	requireRefused(t, j.Findings)
	require.False(t, j.Accepted(p))
	require.Contains(t, j.Fault, "photo.(*picture)")
}

// A photo that cannot be compared must not keep a training from choosing among the others.
func TestPhotosThatPanicInASetAreRefused(t *testing.T) {
	t.Parallel()
	for _, faulty := range [][]int{nil, {0}, {2, 5}, {0, 1, 2, 3, 4, 5, 6, 7}} {
		all := plainMembers(8, nil)
		set := photo.SetWithFault(photo.NewJudge(smallPolicy(), nil), all, 20, func(m photo.Member) bool {
			return m.Accepted && slices.Contains(faulty, m.Index)
		})
		require.Len(t, set.Choices, 8)
		require.Equal(t, 8, set.Report.Photos)
		require.Equal(t, 8-len(faulty), set.Report.Used)
		for i, c := range set.Choices {
			require.Equal(t, i, c.Index)
			require.Equal(t, all[i].Photo, c.Photo)
			if slices.Contains(faulty, i) {
				requireRefused(t, c.Findings)
				require.False(t, c.Use)
			} else {
				require.Empty(t, c.Findings)
				require.True(t, c.Use)
			}
		}
	}
}

func TestScoresThatAreNotNumbersDoNotEndAChoice(t *testing.T) {
	t.Parallel()
	all := plainMembers(8, func(i int, m *photo.Measures) {
		if i < 3 {
			m.Score.Overall = math.NaN()
		}
	})
	set := photo.NewJudge(smallPolicy(), nil).Set(all, 6)
	require.Equal(t, []int{3, 4, 5, 6, 7}, usedOf(set))
}

// ending is a context that ends after Err was called some times.
type ending struct {
	context.Context
	left atomic.Int64
}

func (e *ending) Err() error {
	if e.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// A judgement that is given up says so: it must not call the file damaged, or keep memory.
func TestJudgingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	img := portrait(3, nil).Image
	for name, data := range map[string][]byte{
		"png":         encodePNG(t, img),
		"jpeg":        encodePhoto(t, img),
		"progressive": encodeJPEG(t, img, jpegn.EncodeOptions{Progressive: true}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := smallPolicy()
			_, _, bytes, err := photo.Planned(data, p)
			require.NoError(t, err)
			p.MaxMemory = bytes
			judge := photo.NewJudge(p, nil)
			ended := 0
			for left := int64(0); ; left++ {
				ctx := &ending{Context: t.Context()}
				ctx.left.Store(left)
				j, err := judge.Bytes(ctx, data, time.Time{})
				if err == nil {
					require.Equal(t, 1, j.Faces)
					j.Close()
					break
				}
				require.ErrorIs(t, err, context.Canceled)
				require.Nil(t, j)
				ended++
			}
			require.GreaterOrEqual(t, ended, 4, "before waiting, before and after searching, and before describing")
		})
	}
}
