package localtrainer

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // what training archives hold
	_ "image/png"
	"io"
	"path"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/image/draw"

	"github.com/inflio/persona/internal/localtrainer/facemodel"
)

const (
	minPictures = 4 // fal's own minimum
	maxPictures = 1000
	maxPixels   = 100_000_000 // of one picture, checked before decoding
	maxSide     = 1024        // larger pictures are made smaller, as the real trainer does
	maxEntry    = 256 << 20   // bytes of one unpacked picture
	maxCaption  = 64 << 10    // bytes
)

var pictureEndings = []string{".jpg", ".jpeg", ".png"}

// readArchive reads a training archive: pictures, each with an optional caption of the same name. What cannot be used is
// a model error, as in fal's endpoint.
func readArchive(ctx context.Context, r io.ReaderAt, size int64) ([]facemodel.Picture, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, invalid("invalid_archive", "The archive is not a zip file",
			map[string]any{"supported_extensions": []string{".zip"}}, "images_data_url")
	}
	captions := map[string]*zip.File{}
	var found []*zip.File
	for _, f := range archive.File {
		stem, ending := splitName(f.Name)
		switch {
		case f.FileInfo().IsDir() || strings.HasPrefix(path.Base(f.Name), ".") || strings.HasPrefix(f.Name, "__MACOSX/"):
		case ending == ".txt":
			captions[stem] = f
		case strings.HasSuffix(stem, "_mask"):
			// Masks weight the loss of a diffusion model. This model has no use for them.
		case slices.Contains(pictureEndings, ending):
			found = append(found, f)
		}
	}
	if n := len(found); n < minPictures || n > maxPictures {
		kind, msg := "archive_file_count_below_minimum", "The archive holds too few images"
		if n > maxPictures {
			kind, msg = "archive_file_count_exceeds_maximum", "The archive holds too many images"
		}
		return nil, invalid(kind, msg, map[string]any{
			"min_count": minPictures, "max_count": maxPictures, "provided_count": n,
		}, "images_data_url")
	}
	pictures := make([]facemodel.Picture, 0, len(found))
	for _, f := range found {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		p := facemodel.Picture{}
		if p.Image, err = readPicture(f); err != nil {
			return nil, invalid("image_load_error", "An image of the archive could not be loaded", nil, "images_data_url")
		}
		stem, _ := splitName(f.Name)
		if c := captions[stem]; c != nil {
			text, err := readEntry(c, maxCaption)
			if err != nil {
				return nil, invalid("invalid_archive", "A caption of the archive could not be read",
					map[string]any{"supported_extensions": []string{".zip"}}, "images_data_url")
			}
			p.Caption = strings.TrimSpace(string(text))
		}
		pictures = append(pictures, p)
	}
	return pictures, nil
}

func splitName(name string) (stem, ending string) {
	ending = path.Ext(name)
	return strings.TrimSuffix(name, ending), strings.ToLower(ending)
}

func readEntry(f *zip.File, limit int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("an entry is larger than %d bytes", limit)
	}
	return data, err
}

func readPicture(f *zip.File) (image.Image, error) {
	header, err := f.Open()
	if err != nil {
		return nil, err
	}
	config, _, err := image.DecodeConfig(header)
	header.Close()
	if err != nil {
		return nil, err
	}
	if int64(config.Width)*int64(config.Height) > maxPixels {
		return nil, errors.New("the picture has too many pixels")
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	img, _, err := image.Decode(io.LimitReader(r, maxEntry))
	if err != nil {
		return nil, err
	}
	return shrink(img), nil
}

func shrink(img image.Image) image.Image {
	b := img.Bounds()
	long := max(b.Dx(), b.Dy())
	if long <= maxSide {
		return img
	}
	small := image.NewRGBA(image.Rect(0, 0, max(1, b.Dx()*maxSide/long), max(1, b.Dy()*maxSide/long)))
	draw.CatmullRom.Scale(small, small.Bounds(), img, b, draw.Src, nil)
	return small
}

// everyday are words that captions can have in common without meaning the person.
var everyday = strings.Fields("a an the of in on at with and or is to by from his her their this that photo picture " +
	"image portrait person man woman boy girl face head smiling looking close-up closeup")

// triggerOf returns the word that the captions teach: the given word if a caption contains it, else the first word that
// every caption contains and that is not in everyday. As in fal's endpoint, a given word that no caption contains has no
// effect. "" means that the captions teach no word; such a model never shows its person.
func triggerOf(captions []string, given string) string {
	given = strings.ToLower(strings.TrimSpace(given))
	common := captionWords(captions[0])
	for _, c := range captions {
		words := captionWords(c)
		if given != "" && slices.Contains(words, given) {
			return given
		}
		common = slices.DeleteFunc(common, func(w string) bool { return !slices.Contains(words, w) })
	}
	for _, w := range common {
		if !slices.Contains(everyday, w) {
			return w
		}
	}
	return ""
}

func captionWords(caption string) []string {
	return strings.FieldsFunc(strings.ToLower(caption), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-'
	})
}
