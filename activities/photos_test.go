package activities_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/jpeg"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// nobody is a picture without a face.
func nobody(t *testing.T) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 640, 480))
	for i := range img.Pix {
		img.Pix[i] = uint8(i*i>>7 | 255*(i&3>>1))
	}
	var out bytes.Buffer
	require.NoError(t, jpeg.Encode(&out, img, &jpeg.Options{Quality: 95}))
	return out.Bytes()
}

func TestAPhotoIsPreparedTwiceWithTheSameBytes(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	good := album()[1].file
	in := b.persona(good, nobody(t), good[:len(good)/2], []byte("no picture at all, but of some length"))
	task := func(i int) activities.PhotoInput {
		row := b.photos(in)[i]
		return activities.PhotoInput{
			TrainPersonaInput: in, PhotoTask: activities.PhotoTask{PhotoID: row.ID, Index: i}, Total: 4,
		}
	}
	var first [][]byte
	for again := range 3 {
		if again == 2 { // as after a worker that died before it wrote down what it had made
			row := b.photos(in)[0]
			row.Report, row.Measures, row.Prepared = nil, nil, nil
			require.NoError(t, b.Store.SavePhoto(t.Context(), in.UserID, in.PersonaID, row))
		}
		verdict, err := run(b, b.all.Photos.PreparePhoto, task(0))
		require.NoError(t, err)
		require.True(t, verdict.Accepted)
		require.Greater(t, verdict.Overall, policy().MinScore)
		row := b.photos(in)[0]
		require.Equal(t, &[]bool{true}[0], row.FaceDetected)
		require.InDelta(t, verdict.Overall, *row.QualityScore, 1)
		require.Len(t, row.Prepared, 1+policy().Augment)
		require.Len(t, b.blobs(in.PersonaID, "prepared/"), 1+policy().Augment)
		var pictures [][]byte
		for _, path := range row.Prepared {
			pictures = append(pictures, b.blob(in, path))
			config, err := jpeg.DecodeConfig(bytes.NewReader(pictures[len(pictures)-1]))
			require.NoError(t, err)
			require.Equal(t, image.Pt(policy().CropSide, policy().CropSide), image.Pt(config.Width, config.Height))
		}
		if first == nil {
			first = pictures
		}
		require.Equal(t, first, pictures)
		require.NotEqual(t, pictures[0], pictures[1])
		require.Equal(t, crop(t, good), pictures[0], "the picture itself comes before its variants")
		require.Equal(t, persona.Progress(persona.StagePreprocessing, 0.25), b.version(in).Progress)
		var kept photo.Measures
		require.NoError(t, json.Unmarshal(b.blob(in, *row.Measures), &kept))
		require.NotEmpty(t, kept.Descriptor)
	}

	for i, want := range map[int]persona.PhotoCode{
		1: persona.PhotoNoFace, 2: persona.PhotoDamaged, 3: persona.PhotoNotImage,
	} {
		for range 2 {
			verdict, err := run(b, b.all.Photos.PreparePhoto, task(i))
			require.NoError(t, err, "a bad photo is no error")
			require.False(t, verdict.Accepted)
			require.Contains(t, verdict.Codes, string(want))
			require.Empty(t, b.photos(in)[i].Prepared)
			require.Equal(t, want, last(b.photos(in)[i].Report.Findings).Code)
		}
	}
	require.Len(t, b.blobs(in.PersonaID, "prepared/"), 1+policy().Augment)
	require.Equal(t, persona.Progress(persona.StagePreprocessing, 1), b.version(in).Progress)
	require.Equal(t, persona.StagePreprocessing, b.version(in).Stage)
}

// The variants depend on the photo alone: who uploads the same photos again trains on the same pictures.
func TestTheSamePhotoIsPreparedToTheSameBytesUnderAnotherID(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := b.persona(album()[1].file, album()[2].file, album()[1].file)
	var prepared [3][][]byte
	for i, row := range b.photos(in) {
		verdict, err := run(b, b.all.Photos.PreparePhoto, activities.PhotoInput{
			TrainPersonaInput: in, PhotoTask: activities.PhotoTask{PhotoID: row.ID, Index: i}, Total: 3,
		})
		require.NoError(t, err)
		require.True(t, verdict.Accepted)
		for _, path := range b.photos(in)[i].Prepared {
			prepared[i] = append(prepared[i], b.blob(in, path))
		}
		require.Len(t, prepared[i], 1+policy().Augment)
	}
	require.Equal(t, prepared[0], prepared[2])
	require.NotEqual(t, prepared[0], prepared[1])
}

// broken is a describer with a fault.
type broken struct{ photo.Describer }

func (broken) Describe(photo.Aligned) (photo.Descriptor, error) { panic("no such layer") }

// A photo that brings a fault of the program to light would do so at every attempt.
func TestAPhotoThatPanicsTheJudgeIsRefused(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.all.Photos.Judge = photo.NewJudge(policy(), broken{photo.Classical()})
	in := b.persona(album()[1].file)
	for range 2 {
		verdict, err := run(b, b.all.Photos.PreparePhoto, activities.PhotoInput{
			TrainPersonaInput: in, PhotoTask: activities.PhotoTask{PhotoID: b.photos(in)[0].ID}, Total: 1,
		})
		require.NoError(t, err)
		require.False(t, verdict.Accepted)
		require.Equal(t, []string{string(persona.PhotoCannotBeJudged)}, verdict.Codes)
	}
	row := b.photos(in)[0]
	require.Nil(t, row.Measures)
	require.Empty(t, row.Prepared)
	require.Equal(t, 640, row.Report.Width)
	selection, err := run(b, b.all.Photos.ChoosePhotos, in)
	require.NoError(t, err)
	require.Equal(t, activities.Selection{Refused: 1}, selection)
}

func last[T any](s []T) T { return s[len(s)-1] }

// crop is what a photo is prepared to.
func crop(t *testing.T, file []byte) []byte {
	t.Helper()
	judged, err := photo.NewJudge(policy(), nil).Photo(context.Background(), file, time.Time{})
	require.NoError(t, err)
	img, err := judged.Prepare(policy().CropSide)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, photo.EncodeJPEG(&out, img, 95))
	return out.Bytes()
}

func TestTheSetIsChosenTwiceAlike(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	// 0 to 4 are the album, 5 is photo 1 again, 6 is bad and 7 was never judged.
	in := b.persona(make([][]byte, 8)...)
	photos := b.photos(in)
	for i := range 6 {
		b.keepJudged(in, photos[i], album()[i%5])
	}
	b.keepJudged(in, photos[5], album()[1])
	bad := album()[2]
	bad.judged.Findings = []persona.Finding{persona.NewFinding(persona.PhotoBlurred, true, "")}
	b.keepJudged(in, photos[6], bad)
	_, err := b.Owner.Exec(t.Context(), `UPDATE persona_images SET is_primary = true WHERE id = $1`, photos[4].ID)
	require.NoError(t, err)

	for again := range 3 {
		selection, err := run(b, b.all.Photos.ChoosePhotos, in)
		require.NoError(t, err)
		require.Equal(t, activities.Selection{Used: 5, Refused: 2, Spare: 1}, selection, "run %d", again)
		require.Equal(t, 5, b.version(in).PhotosUsed)
		var twins []persona.Finding
		for i, p := range b.photos(in) {
			require.Equal(t, i == 4, p.Primary, "the owner's word counts")
			require.Equal(t, p.Primary, p.Report.Primary)
			switch i {
			case 6:
				require.Equal(t, bad.judged.Findings, p.Report.Findings)
				require.False(t, p.Used || p.Report.Accepted)
			case 7:
				require.False(t, p.Used || p.Report.Accepted)
			case 1, 5:
				require.Equal(t, p.Used, p.Report.Accepted)
				twins = append(twins, p.Report.Findings...)
			default:
				require.True(t, p.Used && p.Report.Accepted)
			}
		}
		require.Len(t, twins, 1, "of two copies one is told to be the other's")
		require.Equal(t, persona.PhotoDuplicate, twins[0].Code)
		set := b.version(in).PhotoSet
		require.Equal(t, []int{8, 6, 5}, []int{set.Photos, set.Accepted, set.Used})
		require.Equal(t, persona.TierBasic, set.Tier)
		require.NotEmpty(t, set.Coverage)
		require.Contains(t, set.Advice, "Add five more photos; 10 to 20 are best.")
	}
}

// Descriptors of another describer, or of the program's last version, cannot be compared with today's.
func TestAPhotoThatWasDescribedDifferentlyIsMeasuredAnew(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	var files [][]byte
	for _, p := range album() {
		files = append(files, p.file)
	}
	files[1] = nobody(t) // as a face that is no longer found
	in := b.persona(files...)
	photos := b.photos(in)
	for i, p := range album() {
		if i == 1 || i == 2 {
			p.judged.DescribedBy, p.judged.Descriptor, p.judged.Score.Overall = "an older one", photo.Descriptor{1}, 71
		}
		b.keepJudged(in, photos[i], p)
	}
	for range 2 {
		selection, err := run(b, b.all.Photos.ChoosePhotos, in)
		require.NoError(t, err)
		require.Equal(t, activities.Selection{Used: 5}, selection)
		var kept photo.Measures
		require.NoError(t, json.Unmarshal(b.blob(in, *b.photos(in)[2].Measures), &kept))
		require.Equal(t, b.all.Photos.Judge.DescribedBy(), kept.DescribedBy)
		require.Equal(t, album()[2].judged.Descriptor, kept.Descriptor)
		require.InDelta(t, 71, kept.Score.Overall, 0, "what was judged of it stays")

		kept = photo.Measures{}
		require.NoError(t, json.Unmarshal(b.blob(in, *b.photos(in)[1].Measures), &kept))
		require.Empty(t, kept.DescribedBy, "it is not looked at again")
		require.Empty(t, kept.Descriptor)
		require.Equal(t, album()[1].judged.Face.Eyes, kept.Face.Eyes)
	}
}

func TestTheBestPhotosAreUsedAsFarAsTheTierGoes(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := b.judged(0)
	b.all.Photos.Judge.Policy.MaxUsed = 3
	for range 2 {
		selection, err := run(b, b.all.Photos.ChoosePhotos, in)
		require.NoError(t, err)
		require.Equal(t, activities.Selection{Used: 3, Spare: 2}, selection)
		for _, p := range b.photos(in) {
			require.True(t, p.Report.Accepted, "a photo that is not needed is still good")
			require.Equal(t, !p.Used, len(p.Report.Findings) > 0)
		}
	}
	_, err := run(b, b.all.Photos.ChoosePhotos, contract.TrainPersonaInput{UserID: in.UserID, PersonaID: in.PersonaID, Version: 9})
	requireType(t, err, contract.RecordGone, true)
}

func TestAPhotoThatCannotBeExaminedIsRefused(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := b.linked("https://example.org/somebody.jpg", "https://example.org/other.jpg")
	photos := b.photos(in)
	b.keepJudged(in, photos[1], album()[1])
	refuse := func(i int) activities.PhotoVerdict {
		t.Helper()
		verdict, err := run(b, b.all.Photos.RefusePhoto, activities.RefusalInput{
			PhotoInput: activities.PhotoInput{TrainPersonaInput: in, PhotoTask: activities.PhotoTask{PhotoID: photos[i].ID, Index: i}},
			Code:       persona.PhotoUnreachable,
		})
		require.NoError(t, err)
		return verdict
	}
	for range 2 {
		require.Equal(t, activities.PhotoVerdict{Index: 0, Codes: []string{string(persona.PhotoUnreachable)}}, refuse(0))
		row := b.photos(in)[0]
		require.Empty(t, row.URL, "the address is no longer needed")
		require.False(t, row.Report.Accepted)
		require.Equal(t, []persona.Finding{persona.NewFinding(persona.PhotoUnreachable, true, "")}, row.Report.Findings)
		require.True(t, refuse(1).Accepted, "a verdict stays")
	}
}

// The tier is what is trained and sold, so the photos that are used decide it, and not those that were sent.
func TestTheTierIsSettledByThePhotosThatAreUsed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ordered, want persona.Tier
		told          bool
	}{
		{persona.TierBasic, persona.TierBasic, false},
		{persona.TierStandard, persona.TierBasic, true},
		{persona.TierPremium, persona.TierBasic, true},
	} {
		t.Run(string(c.ordered), func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			in := b.persona(make([][]byte, 15)...)
			for i, p := range b.photos(in)[:5] { // the others could not be judged
				b.keepJudged(in, p, album()[i])
			}
			_, err := b.Owner.Exec(t.Context(), `UPDATE persona_versions SET tier = $2 WHERE persona_id = $1`, in.PersonaID, c.ordered)
			require.NoError(t, err)
			for range 3 {
				selection, err := run(b, b.all.Photos.ChoosePhotos, in)
				require.NoError(t, err)
				require.Equal(t, 5, selection.Used)
				v := b.version(in)
				require.Equal(t, c.want, v.Tier)
				require.LessOrEqual(t, len(v.PhotoSet.Advice), 5)
				if !c.told {
					require.Empty(t, v.PhotoSet.Ordered)
					continue
				}
				require.Equal(t, c.ordered, v.PhotoSet.Ordered)
				require.Contains(t, v.PhotoSet.Advice[0], "Only 5 photos can be used, so this is a basic training; "+string(c.ordered))
			}
		})
	}
}
