package dct_test

import (
	"bytes"
	"image"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gen2brain/jpegn"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/dct"
)

func TestOpenTellsDamageFromWhatIsNotForIt(t *testing.T) {
	t.Parallel()
	plain := encoded(t, scene(120, 90), jpegn.EncodeOptions{})
	restarts := encoded(t, scene(120, 90), jpegn.EncodeOptions{RestartInterval: 2})
	scan := bytes.Index(plain, []byte{0xFF, 0xDA}) + 14 // where the coded data begins
	mark := bytes.Index(restarts, []byte{0xFF, 0xD1})
	changed := func(file []byte, at int, with ...byte) []byte {
		out := bytes.Clone(file)
		copy(out[at:], with)
		return out
	}
	inserted := func(file []byte, at int, more ...byte) []byte {
		return bytes.Join([][]byte{file[:at], more, file[at:]}, nil)
	}
	end := len(plain) - 2
	frame := bytes.Index(plain, []byte{0xFF, 0xC0})
	codes, quant := bytes.Index(plain, []byte{0xFF, 0xC4}), bytes.Index(plain, []byte{0xFF, 0xDB})
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"whole", plain, nil},
		{"a few bytes too many", inserted(plain, end, 1, 2, 3), nil},
		{"filled up with zeros", inserted(plain, end, make([]byte, 300)...), nil},
		{"filled up before the end", inserted(plain, end, 0xFF, 0xFF, 0xFF), nil},
		{"followed by something else", append(bytes.Clone(plain), "and a film"...), nil},
		{"without a restart", append(bytes.Clone(restarts[:mark]), restarts[mark+2:]...), dct.ErrDamaged},
		{"restarts in another order", changed(restarts, mark, 0xFF, 0xD5), dct.ErrDamaged},
		{"a restart too many", inserted(restarts, mark, 0xFF, 0xD1), dct.ErrDamaged},
		{"a restart in a file without", inserted(plain, scan+100, 0xFF, 0xD0), dct.ErrDamaged},
		{"ends too early", append(bytes.Clone(plain[:end-50]), 0xFF, 0xD9), dct.ErrDamaged},
		{"without an end", plain[:end], dct.ErrDamaged},
		{"much too long", inserted(plain, scan+500, plain[scan+100:scan+400]...), dct.ErrDamaged},
		{"another height", changed(plain, frame+5, 0, 200), dct.ErrDamaged},
		{"a picture far larger than its file", changed(plain, frame+5, 0xFF, 0xFF, 0xFF, 0xFF), dct.ErrDamaged},
		{"codes that are too many", changed(plain, codes+5, 9), dct.ErrDamaged},
		{"without codes", changed(plain, codes+1, 0xFE), dct.ErrDamaged},
		{"without quantisation", changed(plain, quant+1, 0xFE), dct.ErrDamaged},
		{"a table that is none", changed(plain, quant+4, 7), dct.ErrDamaged},
		{"two frames", inserted(plain, codes, plain[frame:codes]...), dct.ErrDamaged},
		{"empty", nil, dct.ErrUnsupported},
		{"twelve bits", changed(plain, frame+4, 12), dct.ErrUnsupported},
		{"red, green and blue", inserted(plain, 2, []byte("\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00\x00")...), dct.ErrUnsupported},
		{"progressive", encoded(t, scene(60, 60), jpegn.EncodeOptions{Progressive: true}), dct.ErrUnsupported},
		{"odd sampling", changed(plain, frame+11, 0x31), dct.ErrUnsupported},
		{"a scan of one channel", changed(plain, scan-10, 1), dct.ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := dct.Open(c.data)
			if c.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, c.want)
		})
	}
}

// Codes find their way back after damage, so that a decoder that does not count hardly ever notices.
func TestMostDamageIsNoticed(t *testing.T) {
	t.Parallel()
	whole := encoded(t, scene(640, 480), jpegn.EncodeOptions{})
	scan := bytes.Index(whole, []byte{0xFF, 0xDA}) + 14
	noticed, tries := 0, 200
	random := rand.New(rand.NewPCG(3, 4))
	for range tries {
		data := bytes.Clone(whole)
		at := scan + random.IntN(len(data)-scan-2200)
		for i := range 2000 {
			data[at+i] = byte(random.IntN(255))
		}
		if _, err := dct.Open(data); err != nil {
			noticed++
		}
	}
	require.Greater(t, noticed, tries*9/10)
}

func FuzzOpen(f *testing.F) {
	for _, data := range files(f, 40, 30) {
		f.Add(data)
		f.Add(data[:len(data)*2/3])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		begun := time.Now()
		p, err := dct.Open(append(bytes.Clone(data), 0xFF, 0xD9))
		if err != nil {
			return
		}
		for _, scale := range []int{1, 2, 4} {
			size := p.Size(scale)
			img := part(p, image.Rect(size.X/3, size.Y/3, size.X/3+500, size.Y/3+500), scale)
			require.True(t, img.Bounds().In(image.Rectangle{Max: size}))
		}
		require.Less(t, time.Since(begun), 2*time.Second, "took too long")
	})
}
