package photo_test

import (
	"bytes"
	"encoding/json"
	"image"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/gen2brain/jpegn"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// fuzzPolicy lets small files in and gives each little room, so that one that takes more shows.
func fuzzPolicy() persona.PhotoPolicy {
	p := persona.DefaultPhotoPolicy()
	p.MinBytes, p.MinSide, p.CropSide = 0, 1, 64
	p.MaxBytes, p.MaxPixels, p.MaxMemory = 1<<20, 1<<16, 64<<20
	return p
}

// watched runs one judgement of hostile bytes and holds it to its limits of time and memory.
func watched(t *testing.T, limit int64, run func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	run()
	require.Less(t, time.Since(begun), 2*time.Second, "took too long")
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.TotalAlloc-before.TotalAlloc), limit, "took too much memory")
}

// decodable reports whether nothing that was found rules out a picture.
func decodable(facts photo.Facts) bool {
	return !slices.ContainsFunc(facts.Findings, func(f persona.Finding) bool {
		switch f.Code {
		case persona.PhotoDamaged, persona.PhotoNotImage, persona.PhotoTooManyPixels, persona.PhotoEmpty:
			return true
		default:
			return false
		}
	})
}

// decoded holds Decode to its contract: a picture of the size that the facts tell, or findings.
func decoded(t *testing.T, data []byte, p persona.PhotoPolicy) image.Image {
	t.Helper()
	facts := inspect(data, p, 4096)
	var img image.Image
	var err error
	_, _, need, _ := photo.Planned(data, p)
	watched(t, max(need, 16<<20), func() { img, err = photo.Decode(data, p) })
	if err != nil {
		var e *persona.Error
		require.ErrorAs(t, err, &e)
		require.NotEmpty(t, e.Photos[0].Findings)
		return nil
	}
	require.True(t, decodable(facts), "was decoded all the same")
	b := img.Bounds()
	require.Equal(t, image.Pt(facts.Width, facts.Height), b.Size())
	for _, at := range []image.Point{b.Min, b.Max.Sub(image.Pt(1, 1)), b.Min.Add(b.Size().Div(2))} {
		_, _, _, alpha := img.At(at.X, at.Y).RGBA()
		require.Equal(t, uint32(0xFFFF), alpha)
	}
	return img
}

func addKinds(f *testing.F, from, to string, add func(data []byte)) {
	f.Helper()
	for _, k := range kinds(f, 37, 21) {
		if bytes.HasPrefix(k.data, []byte(from)) || bytes.HasPrefix(k.data, []byte(to)) {
			add(k.data)
		}
	}
}

const (
	jpegStart = "\xFF\xD8"
	pngStart  = "\x89PNG\r\n\x1a\n"
)

func FuzzInspect(f *testing.F) {
	addKinds(f, jpegStart, pngStart, func(data []byte) { f.Add(data, uint16(len(data)%97)) })
	f.Add(hugePNG(60_000, 60_000), uint16(64))
	f.Add(hugePNG(1<<32-1, 1<<32-1), uint16(64))
	f.Add([]byte("\xFF\xD8\xFF\xE1\x00\x00"), uint16(2))
	f.Fuzz(func(t *testing.T, data []byte, step uint16) {
		p := fuzzPolicy()
		whole := inspect(data, p, max(1, len(data)))
		require.Equal(t, whole, inspect(data, p, int(step)+1), "facts depend on how the bytes arrive")
		require.Equal(t, int64(len(data)), whole.Bytes)
		if decodable(whole) {
			require.Positive(t, whole.Width)
			require.Positive(t, whole.Height)
			require.LessOrEqual(t, float64(whole.Width)*float64(whole.Height), float64(p.MaxPixels))
		}
	})
}

func FuzzDecodeJPEG(f *testing.F) {
	addKinds(f, jpegStart, jpegStart, func(data []byte) {
		f.Add(data)
		f.Add(data[:len(data)-9])
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		// The signature and the end are given, so that none of the time goes into finding them.
		decoded(t, bytes.Join([][]byte{[]byte("\xFF\xD8\xFF"), bytes.TrimPrefix(data, []byte("\xFF\xD8\xFF")), []byte("\xFF\xD9")}, nil), fuzzPolicy())
	})
}

func FuzzDecodePNG(f *testing.F) {
	addKinds(f, pngStart, pngStart, func(data []byte) { f.Add(data) })
	f.Add(hugePNG(900, 900))
	f.Fuzz(func(t *testing.T, data []byte) { decoded(t, summed(data), fuzzPolicy()) })
}

// summed corrects the checksums of a PNG's chunks: a changed byte must get past them.
func summed(data []byte) []byte {
	var out bytes.Buffer
	out.WriteString(pngStart)
	rest, _ := bytes.CutPrefix(data, []byte(pngStart))
	for len(rest) >= 12 {
		n := int(rest[2])<<8 | int(rest[3])
		if n > len(rest)-12 {
			break
		}
		out.Write(chunk(string(rest[4:8]), rest[8:8+n]))
		rest = rest[12+n:]
	}
	return out.Bytes()
}

func FuzzJudge(f *testing.F) {
	addKinds(f, jpegStart, pngStart, func(data []byte) { f.Add(data) })
	f.Add(hugePNG(1<<32-1, 1<<32-1))
	f.Add(encodeJPEG(f, portrait(3, nil).Image, jpegn.EncodeOptions{Quality: 70}))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := fuzzPolicy()
		watched(t, 4*p.MaxMemory, func() {
			j, err := look(data, p)
			if err != nil {
				var e *persona.Error
				require.ErrorAs(t, err, &e)
				return
			}
			defer j.Close()
			if img, err := j.Prepare(p.CropSide); err == nil {
				require.True(t, img.Opaque())
			}
		})
	})
}

func FuzzEXIF(f *testing.F) {
	f.Add(exif(6)[6:])
	f.Add(datedEXIF("2021:03:09 10:11:12", "+02:00")[6:])
	f.Add(datedEXIF("2021:03:09 10:11:12", "+24:00")[6:])
	f.Add(datedEXIF("1989:12:31 23:00:00", "-05:00")[6:])
	f.Add([]byte("II*\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF"))
	plain := encodePNG(f, image.NewGray(image.Rect(0, 0, 3, 2)))
	f.Fuzz(func(t *testing.T, block []byte) {
		p := fuzzPolicy()
		watched(t, 4*p.MaxMemory, func() {
			facts := inspect(afterHeader(plain, chunk("eXIf", block)), p, 1<<20)
			require.Empty(t, facts.Findings, "a broken EXIF block is as if there were none")
			require.Equal(t, 5, facts.Width+facts.Height)
			require.True(t, facts.Taken.IsZero() || facts.Taken.UTC().Year() >= 1990)
			_, err := json.Marshal(facts.Taken)
			require.NoError(t, err)
		})
	})
}
