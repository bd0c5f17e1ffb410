package photo_test

import (
	"bytes"
	"image"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/disintegration/gift"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

// twelve is a portrait of 12 megapixels as a phone takes it, and its file of about 2 MB. It is drawn small, enlarged and
// given grain: what is measured is the number of pixels and bytes, and drawing that many takes a while.
var twelve = sync.OnceValues(func() (image.Image, []byte) {
	pose := sitter.DefaultPose()
	pose.Background = 3
	p := sitter.New(3).Draw(1000, 750, pose)
	large := image.NewRGBA(image.Rect(0, 0, 4000, 3000))
	gift.New(gift.Resize(4000, 3000, gift.CubicResampling)).Draw(large, p.Image)
	grain := rand.New(rand.NewPCG(1, 2))
	for i := range large.Pix {
		if i%4 != 3 {
			large.Pix[i] = uint8(min(max(int(large.Pix[i])+grain.IntN(15)-7, 0), 255))
		}
	}
	var b bytes.Buffer
	if err := photo.EncodeJPEG(&b, large, 92); err != nil {
		panic(err)
	}
	img, err := photo.Decode(b.Bytes(), persona.DefaultPhotoPolicy())
	if err != nil {
		panic(err)
	}
	return img, b.Bytes()
})

func BenchmarkInspect(b *testing.B) {
	_, data := twelve()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		i := photo.NewInspector(persona.DefaultPhotoPolicy())
		_, _ = i.Write(data)
		require.Equal(b, 4000, i.Facts().Width)
	}
}

// BenchmarkDecode is the check of the whole file, and decoding as much of it as faces are searched for in.
func BenchmarkDecode(b *testing.B) {
	_, data := twelve()
	decode, err := photo.DecodeStored(data, persona.DefaultPhotoPolicy())
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, decode())
	}
	megapixels(b)
	b.ReportMetric(float64(len(data))/1e6, "MB/file")
}

func BenchmarkDetect(b *testing.B) {
	img, _ := twelve()
	b.ReportAllocs()
	for b.Loop() {
		require.Len(b, photo.FindFaces(img), 1)
	}
	megapixels(b)
}

// BenchmarkJudge is decode, detect, score, hash and describe together.
func BenchmarkJudge(b *testing.B) {
	_, data := twelve()
	b.ReportAllocs()
	for b.Loop() {
		_, err := look(data, persona.DefaultPhotoPolicy())
		require.NoError(b, err)
	}
	megapixels(b)
}

// BenchmarkJudgeAndCrop is what is promised against a decoder in C: the whole judgement, and the crop that is trained on.
func BenchmarkJudgeAndCrop(b *testing.B) {
	_, data := twelve()
	p := persona.DefaultPhotoPolicy()
	b.ReportAllocs()
	for b.Loop() {
		j, err := look(data, p)
		require.NoError(b, err)
		_, err = j.Prepare(p.CropSide)
		require.NoError(b, err)
		j.Close()
	}
	megapixels(b)
}

func BenchmarkScore(b *testing.B) {
	_, data := twelve()
	j, err := look(data, persona.DefaultPhotoPolicy())
	require.NoError(b, err)
	score := photo.ScoreAgain(j)
	b.ReportAllocs()
	for b.Loop() {
		score()
	}
}

func BenchmarkAlign(b *testing.B) {
	_, data := twelve()
	j, err := look(data, persona.DefaultPhotoPolicy())
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_, err := j.Prepare(1024)
		require.NoError(b, err)
	}
}

func BenchmarkAugment(b *testing.B) {
	crop := prepared(b)
	b.ReportAllocs()
	for b.Loop() {
		photo.Augment(crop, 1, 1)
	}
}

func BenchmarkEncode(b *testing.B) {
	crop := prepared(b)
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, photo.EncodeJPEG(io.Discard, crop, 95))
	}
}

// BenchmarkWhole is one photo's way through a training: judged, cut, varied twice, and the three encoded.
func BenchmarkWhole(b *testing.B) {
	_, data := twelve()
	p := persona.DefaultPhotoPolicy()
	b.ReportAllocs()
	for b.Loop() {
		j, err := look(data, p)
		require.NoError(b, err)
		crop, err := j.Prepare(p.CropSide)
		require.NoError(b, err)
		for _, img := range append(photo.Augment(crop, 1, p.Augment), crop) {
			require.NoError(b, photo.EncodeJPEG(io.Discard, img, 95))
		}
	}
	megapixels(b)
}

func prepared(b *testing.B) *image.RGBA {
	b.Helper()
	_, data := twelve()
	j, err := look(data, persona.DefaultPhotoPolicy())
	require.NoError(b, err)
	crop, err := j.Prepare(1024)
	require.NoError(b, err)
	return crop
}

func megapixels(b *testing.B) {
	b.Helper()
	b.ReportMetric(12*float64(b.N)/b.Elapsed().Seconds(), "megapixels/s")
}
