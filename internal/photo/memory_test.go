package photo_test

import (
	"context"
	"image"
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gen2brain/jpegn"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// allocated is how many bytes f allocates. Nothing else may run meanwhile.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// Not parallel: allocations of other tests would count.
func TestMemoryIsEstimatedForEveryKindOfFile(t *testing.T) { //nolint:paralleltest // counts allocations
	for _, c := range kinds(t, 1203, 905) {
		t.Run(c.name, func(t *testing.T) {
			_, estimate, _, err := photo.Planned(c.data, smallPolicy())
			require.NoError(t, err)
			decode, err := photo.DecodeStored(c.data, smallPolicy())
			require.NoError(t, err)
			real := allocated(func() { err = decode() })
			require.NoError(t, err)
			// The decoder's copy of the file is counted with the file.
			require.GreaterOrEqual(t, estimate+int64(len(c.data)), real, "takes more than it is given")
			require.LessOrEqual(t, estimate, 2*real+1<<20, "is given far more than it takes")
		})
	}
}

// alive is how many bytes stay alive while f runs, at the most: what two collections in a row leave, so that what died
// during the first does not count. Nothing else may run meanwhile.
func alive(f func()) int64 {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var peak int64
	heap()
	before := heap()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	for last := before; ; {
		select {
		case <-done:
			return peak
		default:
			now := heap()
			peak = max(peak, min(last, now)-before)
			last = now
		}
	}
}

// Not parallel: allocations of other tests would count.
func TestJudgingStaysWithinTheMemorySetAside(t *testing.T) { //nolint:paralleltest // counts allocations
	img := enlarged(portrait(3, nil).Image, 3000)
	for name, data := range map[string][]byte{
		"half colours": encodeJPEG(t, img, jpegn.EncodeOptions{Subsampling: jpegn.Subsample420}),
		"all colours":  encodeJPEG(t, img, jpegn.EncodeOptions{Subsampling: jpegn.Subsample444}),
		"grey":         encodeJPEG(t, drawn(image.NewGray(img.Rect), img), jpegn.EncodeOptions{}),
		"progressive":  encodeJPEG(t, img, jpegn.EncodeOptions{Progressive: true}),
	} {
		p := smallPolicy()
		_, _, estimate, err := photo.Planned(data, p)
		require.NoError(t, err)
		real := alive(func() {
			var j *photo.Judgement
			if j, err = look(data, p); err == nil {
				_, err = j.Prepare(p.CropSide)
				j.Close()
			}
		})
		require.NoError(t, err, name)
		require.Less(t, real, estimate, name)
	}
}

func TestWhatExceedsTheMemoryIsDecodedSmallerOrRefused(t *testing.T) {
	t.Parallel()
	person := portrait(3, nil)
	large := enlarged(person.Image, 2960)
	jpeg, file := encodePhoto(t, large), encodePNG(t, large)
	progressive := encodeJPEG(t, large, jpegn.EncodeOptions{Progressive: true})
	roomy, tight := smallPolicy(), smallPolicy()
	roomy.CropSide, tight.CropSide = 300, 300
	tight.MaxMemory = 36 << 20

	whole, err := look(jpeg, roomy)
	require.NoError(t, err)
	reduced, err := look(jpeg, tight)
	require.NoError(t, err)
	reduce, _, bytes, err := photo.Planned(jpeg, tight)
	require.NoError(t, err)
	require.Greater(t, reduce, 1)
	require.LessOrEqual(t, bytes, tight.MaxMemory)
	require.Equal(t, whole.Width, reduced.Width, "the file's pixels count, not the decoded ones")
	require.InDelta(t, whole.Face.Eyes[0].X, reduced.Face.Eyes[0].X, 0.05*whole.Face.IED())
	require.InDelta(t, whole.Face.Eyes[1].Y, reduced.Face.Eyes[1].Y, 0.05*whole.Face.IED())
	require.InDelta(t, whole.Score.Overall, reduced.Score.Overall, 5)
	require.InDelta(t, whole.Score.Resolution, reduced.Score.Resolution, 0)
	want, err := whole.Prepare(300)
	require.NoError(t, err)
	got, err := reduced.Prepare(300)
	require.NoError(t, err)
	var apart int
	for i, v := range want.Pix {
		d := int(v) - int(got.Pix[i])
		apart += max(d, -d)
	}
	require.Less(t, apart/len(want.Pix), 6, "the crop shows something else")

	for name, data := range map[string][]byte{"png": file, "progressive": progressive} {
		_, err := look(data, roomy)
		require.NoError(t, err)
		_, err = look(data, tight)
		var e *persona.Error
		require.ErrorAs(t, err, &e, name)
		found := e.Photos[0].Findings[0]
		require.Equal(t, persona.PhotoTooManyPixels, found.Code)
		require.Contains(t, found.Why, "9 megapixels", name)
		require.Contains(t, found.Why, "36", "tells what is allowed")
	}
}

func TestPhotosShareTheMemory(t *testing.T) {
	t.Parallel()
	data := encodePhoto(t, portrait(3, nil).Image)
	p := smallPolicy()
	p.CropSide = 300
	_, _, bytes, err := photo.Planned(data, p)
	require.NoError(t, err)
	p.MaxMemory = bytes + bytes/2
	judge := photo.NewJudge(p, nil)
	first, err := judge.Photo(t.Context(), data, time.Time{})
	require.NoError(t, err)

	brief, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = judge.Photo(brief, data, time.Time{})
	require.ErrorIs(t, err, context.DeadlineExceeded)

	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			next, err := judge.Photo(t.Context(), data, time.Time{})
			if err == nil {
				next.Close()
				next.Close()
			}
		})
	}
	first.Close()
	wait.Wait()
	_, err = judge.Photo(t.Context(), data[:len(data)/2], time.Time{})
	require.Error(t, err)
	last, err := judge.Photo(t.Context(), data, time.Time{})
	require.NoError(t, err, "a photo that failed kept its memory")
	last.Close()
}

func TestWhatCannotBeSetAsideIsRefused(t *testing.T) {
	t.Parallel()
	data := encodePhoto(t, portrait(3, nil).Image)
	refused := func(judge *photo.Judge) {
		_, err := judge.Photo(t.Context(), data, time.Time{})
		var e *persona.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, []persona.PhotoCode{persona.PhotoTooManyPixels}, codes(e.Photos[0].Findings))
	}
	p := smallPolicy()
	p.CropSide = math.MaxInt32 // the sum of the bytes overflows
	refused(photo.NewJudge(p, nil))

	p = smallPolicy()
	p.MaxMemory = 1 << 20
	judge := photo.NewJudge(p, nil)
	refused(judge)
	judge.Policy = smallPolicy() // more than the judge was made for: waiting would never end
	refused(judge)
}
