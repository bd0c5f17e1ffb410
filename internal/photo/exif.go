package photo

import (
	"bytes"
	"strings"
	"time"

	"github.com/bep/imagemeta"
)

// maxEXIF bounds the EXIF block that is looked at; JPEG allows no more than this either.
const maxEXIF = 1 << 16

// exifFacts is what is read out of an EXIF block.
type exifFacts struct {
	turn  turn
	taken time.Time // zero when unknown
}

// readEXIF reads an EXIF block (a TIFF structure). Blocks are often broken: a value that cannot be read, or is
// impossible, counts as missing.
func readEXIF(block []byte) (facts exifFacts) {
	if len(block) > maxEXIF {
		return exifFacts{}
	}
	var original, offset string
	defer func() {
		// What was read before a block breaks is kept.
		_ = recover()
		facts.taken = takenAt(original, offset)
	}()
	_, _ = imagemeta.Decode(imagemeta.Options{
		R: bytes.NewReader(block), ImageFormat: imagemeta.TIFF, Sources: imagemeta.EXIF,
		ShouldHandleTag: func(tag imagemeta.TagInfo) bool {
			switch tag.Tag {
			case "Orientation":
				return tag.Namespace == "IFD0"
			case "DateTimeOriginal", "OffsetTimeOriginal":
				return tag.Namespace == "IFD0/ExifIFDP"
			default:
				return false
			}
		},
		HandleTag: func(tag imagemeta.TagInfo) error {
			switch v := tag.Value.(type) {
			case uint16:
				if v >= 1 && v <= 8 && tag.Tag == "Orientation" {
					facts.turn = turn(v)
				}
			case string:
				if tag.Tag == "DateTimeOriginal" {
					original = v
				} else {
					offset = v
				}
			}
			return nil
		},
		LimitNumTags: 1000, LimitTagSize: 64,
	})
	return facts
}

// firstPhoto is when the first cameras with a date in their files were sold, roughly. Earlier dates are of clocks that
// were never set.
var firstPhoto = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)

// lastYear is the last one that JSON and RFC 3339 can write.
const lastYear = 9999

// takenAt reads DateTimeOriginal and OffsetTimeOriginal. Without an offset the camera's clock is assumed to be UTC, which
// is wrong by less than a day. The same holds for an offset of a day or more, which the parser accepts and JSON does not.
func takenAt(original, offset string) time.Time {
	original, offset = strings.TrimSpace(original), strings.TrimSpace(offset)
	t, err := time.Parse("2006:01:02 15:04:05-07:00", original+offset)
	const day = 24 * 60 * 60
	if _, east := t.Zone(); err != nil || east <= -day || east >= day {
		t, err = time.Parse("2006:01:02 15:04:05", original)
	}
	if err != nil || t.Before(firstPhoto) || t.UTC().Year() > lastYear {
		return time.Time{}
	}
	return t
}
