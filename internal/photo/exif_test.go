package photo_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/gen2brain/jpegn"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

func TestInspectorReadsWhenAPhotoWasTaken(t *testing.T) {
	t.Parallel()
	jpeg := encodeJPEG(t, ramp(240, 220), jpegn.EncodeOptions{})
	file := encodePNG(t, ramp(240, 220))
	east := time.FixedZone("", 2*60*60)
	for _, c := range []struct {
		name             string
		original, offset string
		want             time.Time
	}{
		{"with an offset", "2021:03:09 10:11:12", "+02:00", time.Date(2021, 3, 9, 10, 11, 12, 0, east)},
		{"without an offset", "2021:03:09 10:11:12", "", time.Date(2021, 3, 9, 10, 11, 12, 0, time.UTC)},
		{"with an offset that is none", "2021:03:09 10:11:12", "east", time.Date(2021, 3, 9, 10, 11, 12, 0, time.UTC)},
		{"with an offset of a day", "2021:03:09 10:11:12", "+24:00", time.Date(2021, 3, 9, 10, 11, 12, 0, time.UTC)},
		{"with minus a day", "2021:03:09 10:11:12", "-23:60", time.Date(2021, 3, 9, 10, 11, 12, 0, time.UTC)},
		{"with nearly a day", "2021:03:09 10:11:12", "+23:59", time.Date(2021, 3, 8, 10, 12, 12, 0, time.UTC)},
		{"the last year", "9999:12:31 23:59:59", "+02:00", time.Date(9999, 12, 31, 21, 59, 59, 0, time.UTC)},
		{"the year after it", "9999:12:31 23:59:59", "-02:00", time.Time{}},
		{"a clock that was never set", "1980:01:01 00:00:00", "", time.Time{}},
		{"blanks", "    :  :     :  :  ", "", time.Time{}},
		{"zeros", "0000:00:00 00:00:00", "", time.Time{}},
		{"a day that does not exist", "2021:02:30 10:11:12", "", time.Time{}},
		{"too long a text", "2021:03:09 10:11:12 and then this, and that, and so on and so forth, for ever", "", time.Time{}},
		{"only an offset", "", "+02:00", time.Time{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			block := datedEXIF(c.original, c.offset)
			for _, data := range [][]byte{
				withSegment(jpeg, 0xE1, block), afterHeader(file, chunk("eXIf", block[len(exifStart):])),
			} {
				for _, step := range []int{1, 4096} {
					f := inspect(data, smallPolicy(), step)
					require.Empty(t, f.Findings)
					require.True(t, c.want.Equal(f.Taken), "%v", f.Taken)
					for _, taken := range []time.Time{f.Taken, f.Taken.UTC()} {
						_, err := json.Marshal(taken)
						require.NoError(t, err)
					}
				}
			}
		})
	}
	require.True(t, inspect(jpeg, smallPolicy(), 512).Taken.IsZero())
}

func TestJudgeWarnsOfOldPhotos(t *testing.T) {
	t.Parallel()
	data := withSegment(encodePhoto(t, portrait(3, nil).Image), 0xE1, datedEXIF("2021:03:09 10:11:12", ""))
	for _, c := range []struct {
		name string
		at   time.Time
		warn bool
	}{
		{"no matter", time.Time{}, false},
		{"two years less a day", time.Date(2023, 3, 8, 10, 11, 12, 0, time.UTC), false},
		{"two years and a day", time.Date(2023, 3, 10, 10, 11, 12, 0, time.UTC), true},
		{"taken in the future", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			j, err := photo.NewJudge(smallPolicy(), nil).Photo(t.Context(), data, c.at)
			require.NoError(t, err)
			defer j.Close()
			require.True(t, j.Accepted(smallPolicy()), "an old photo can be used")
			require.Equal(t, c.warn, len(j.Findings) == 1, "%v", j.Findings)
			if c.warn {
				require.Equal(t, persona.PhotoTooOld, j.Findings[0].Code)
				require.False(t, j.Findings[0].Refuses)
				require.Contains(t, j.Findings[0].Why, "in March 2021")
			}
			text, err := json.Marshal(j.Measures)
			require.NoError(t, err)
			require.Contains(t, string(text), `"taken":"2021-03-09T10:11:12Z"`)
		})
	}
}
