package photo_test

import (
	"bytes"
	"image"
	"strings"
	"testing"

	"github.com/gen2brain/jpegn"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

func inspect(data []byte, p persona.PhotoPolicy, step int) photo.Facts {
	i := photo.NewInspector(p)
	for at := 0; at < len(data); at += step {
		_, _ = i.Write(data[at:min(at+step, len(data))])
	}
	return i.Facts()
}

func TestInspectorTellsWhatIsWrongWithAFile(t *testing.T) {
	t.Parallel()
	jpeg := encodeJPEG(t, ramp(300, 220), jpegn.EncodeOptions{})
	progressive := encodeJPEG(t, ramp(300, 220), jpegn.EncodeOptions{Progressive: true, RestartInterval: 4})
	file := encodePNG(t, ramp(300, 220))
	flipped := bytes.Clone(file)
	flipped[len(file)/2] ^= 1
	frame := []byte{8, 0, 10, 0, 10, 1, 1, 0x11, 0}

	// The last scan again and again: each is sound by itself.
	last := bytes.LastIndex(progressive, []byte{0xFF, 0xDA})
	endless := append(bytes.Clone(progressive[:last]), bytes.Repeat(progressive[last:len(progressive)-2], 40)...)
	endless = append(endless, 0xFF, 0xD9)

	// One channel, and 25 scans of it: none is needed after the first.
	grey := encodeJPEG(t, drawn(image.NewGray(image.Rect(0, 0, 300, 220)), ramp(300, 220)), jpegn.EncodeOptions{})
	only := bytes.LastIndex(grey, []byte{0xFF, 0xDA})
	again := append(bytes.Clone(grey[:only]), bytes.Repeat(grey[only:len(grey)-2], 25)...)
	again = append(again, 0xFF, 0xD9)
	planar := planarJPEG(t, ramp(300, 220), 0x22, nil, 3)

	for _, c := range []struct {
		name          string
		data          []byte
		format        string
		width, height int
		codes         []persona.PhotoCode
	}{
		{"jpeg", jpeg, "jpeg", 300, 220, nil},
		{"progressive jpeg", progressive, "jpeg", 300, 220, nil},
		{"png", file, "png", 300, 220, nil},
		{"empty", nil, "", 0, 0, []persona.PhotoCode{persona.PhotoEmpty}},
		{"one byte", []byte{0xFF}, "", 0, 0, []persona.PhotoCode{persona.PhotoNotImage}},
		{"text", []byte(strings.Repeat("hello ", 300)), "", 0, 0, []persona.PhotoCode{persona.PhotoNotImage}},
		{"gif", []byte("GIF89a" + strings.Repeat("\x00", 99)), "", 0, 0, []persona.PhotoCode{persona.PhotoNotImage}},
		{"jpeg cut off", jpeg[:len(jpeg)*3/4], "jpeg", 300, 220, []persona.PhotoCode{persona.PhotoDamaged}},
		{"jpeg without its end", jpeg[:len(jpeg)-2], "jpeg", 300, 220, []persona.PhotoCode{persona.PhotoDamaged}},
		{"jpeg cut in the header", jpeg[:20], "jpeg", 0, 0, []persona.PhotoCode{persona.PhotoDamaged}},
		{"png cut off", file[:len(file)*3/4], "png", 300, 220, []persona.PhotoCode{persona.PhotoDamaged}},
		{"png without its end", file[:len(file)-12], "png", 300, 220, []persona.PhotoCode{persona.PhotoDamaged}},
		{"png with a changed bit", flipped, "png", 300, 220, []persona.PhotoCode{persona.PhotoDamaged}},
		{"something after the end", append(bytes.Clone(jpeg), "a motion photo's film"...), "jpeg", 300, 220, nil},
		{"turned jpeg", withSegment(jpeg, 0xE1, exif(6)), "jpeg", 220, 300, nil},
		{"turned png", afterHeader(file, chunk("eXIf", exif(8)[6:])), "png", 220, 300, nil},
		{"orientation that does not exist", withSegment(jpeg, 0xE1, exif(77)), "jpeg", 300, 220, nil},
		{
			"broken exif", withSegment(jpeg, 0xE1, []byte("Exif\x00\x00II*\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF")),
			"jpeg", 300, 220, nil,
		},
		{
			"second frame header", withSegment(jpeg, 0xC0, frame), "jpeg", 10, 10,
			[]persona.PhotoCode{persona.PhotoDamaged, persona.PhotoTooFewPixels},
		},
		{"endless passes", endless, "jpeg", 300, 220, []persona.PhotoCode{persona.PhotoDamaged}},
		{"one channel again and again", again, "jpeg", 300, 220, []persona.PhotoCode{persona.PhotoDamaged}},
		{"grey jpeg", grey, "jpeg", 300, 220, nil},
		{"a scan a channel", planar, "jpeg", 300, 220, nil},
		{
			"decompression bomb", hugePNG(60_000, 60_000), "png", 60_000, 60_000,
			[]persona.PhotoCode{persona.PhotoTooManyPixels},
		},
		{"the widest png", hugePNG(1<<31-1, 10), "png", 1<<31 - 1, 10, []persona.PhotoCode{
			persona.PhotoTooFewPixels, persona.PhotoTooManyPixels,
		}},
		{"impossible width", hugePNG(1<<31, 10), "png", 0, 0, []persona.PhotoCode{persona.PhotoDamaged}},
		{"impossible height", hugePNG(10, 1<<32-1), "png", 0, 0, []persona.PhotoCode{persona.PhotoDamaged}},
		{"product out of range", hugePNG(1<<32-1, 1<<32-1), "png", 0, 0, []persona.PhotoCode{persona.PhotoDamaged}},
		{"no width", hugePNG(0, 10), "png", 0, 0, []persona.PhotoCode{persona.PhotoDamaged}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, step := range []int{1, 7, 4096, 1 << 20} {
				f := inspect(c.data, smallPolicy(), step)
				require.Equal(t, c.format, f.Format)
				require.Equal(t, [2]int{c.width, c.height}, [2]int{f.Width, f.Height})
				require.Equal(t, int64(len(c.data)), f.Bytes)
				require.ElementsMatch(t, c.codes, codes(f.Findings))
				for _, finding := range f.Findings {
					require.True(t, finding.Refuses)
					require.NotContains(t, finding.Why, "%")
				}
			}
		})
	}
}

func TestInspectorKeepsTheLimitsOfThePolicy(t *testing.T) {
	t.Parallel()
	data := encodeJPEG(t, ramp(300, 220), jpegn.EncodeOptions{})
	size := int64(len(data))
	for _, c := range []struct {
		name   string
		change func(*persona.PhotoPolicy)
		code   persona.PhotoCode
	}{
		{"too small a file", func(p *persona.PhotoPolicy) { p.MinBytes = size + 1 }, persona.PhotoTooSmallFile},
		{"too large a file", func(p *persona.PhotoPolicy) { p.MaxBytes = size - 1 }, persona.PhotoTooLargeFile},
		{"too few pixels", func(p *persona.PhotoPolicy) { p.MinSide = 221 }, persona.PhotoTooFewPixels},
		{"too many pixels", func(p *persona.PhotoPolicy) { p.MaxPixels = 300*220 - 1 }, persona.PhotoTooManyPixels},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := smallPolicy()
			p.MinBytes, p.MaxBytes, p.MinSide, p.MaxPixels = size, size, 220, 300*220
			require.Empty(t, inspect(data, p, 512).Findings)
			c.change(&p)
			require.Equal(t, []persona.PhotoCode{c.code}, codes(inspect(data, p, 512).Findings))
		})
	}
}
