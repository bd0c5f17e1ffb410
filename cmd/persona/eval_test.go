package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/eval"
	"github.com/inflio/persona/internal/sitter"
)

// labelled are photos with labels, in a folder of their own.
type labelled struct {
	dir  string
	rows []map[string]string
}

func (l *labelled) add(t *testing.T, img image.Image, row map[string]string) {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, img, &jpeg.Options{Quality: 92}))
	l.write(t, b.Bytes(), row)
}

func (l *labelled) write(t *testing.T, data []byte, row map[string]string) {
	t.Helper()
	row["file"] = fmt.Sprintf("%02d.jpg", len(l.rows)+1)
	require.NoError(t, os.WriteFile(filepath.Join(l.dir, row["file"]), data, 0o600))
	l.rows = append(l.rows, row)
}

// portrait adds a portrait with all that is known of it.
func (l *labelled) portrait(t *testing.T, identity uint64, row map[string]string, change func(*sitter.Pose)) sitter.Portrait {
	t.Helper()
	pose := sitter.DefaultPose()
	pose.Background, pose.Outfit = identity, identity
	change(&pose)
	p := sitter.New(identity).Draw(360, 360, pose)
	for i, name := range []string{"left_eye_x", "left_eye_y", "right_eye_x", "right_eye_y"} {
		row[name] = fmt.Sprintf("%.1f", p.Eyes[i/2][i%2])
	}
	row["yaw"], row["roll"] = fmt.Sprint(p.Yaw), fmt.Sprint(p.Roll)
	row["person"] = strconv.FormatUint(identity, 10)
	if row["faces"] == "" {
		row["faces"] = "1"
	}
	l.add(t, p.Image, row)
	return p
}

func (l *labelled) save(t *testing.T) string {
	t.Helper()
	columns := eval.Columns()
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	require.NoError(t, w.Write(columns))
	for _, row := range l.rows {
		var fields []string
		for _, c := range columns {
			fields = append(fields, row[c])
		}
		require.NoError(t, w.Write(fields))
	}
	w.Flush()
	path := filepath.Join(l.dir, "labels.csv")
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
	return path
}

// plain is a picture without any face.
func plain(shade uint8) image.Image {
	img := image.NewGray(image.Rect(0, 0, 300, 300))
	for i := range img.Pix {
		img.Pix[i] = shade + uint8(i%300/4)
	}
	return img
}

// Two people with four photos each, faults, a copy, pictures without a face, and a file that is no picture.
func drawnLabels(t *testing.T) string {
	t.Helper()
	l := &labelled{dir: t.TempDir()}
	var first sitter.Portrait
	for _, identity := range []uint64{3, 8} {
		for i, yaw := range []float64{0, -12, 12, 5} {
			p := l.portrait(t, identity, map[string]string{"blurred": "0", "too_dark": "0"}, func(p *sitter.Pose) {
				p.Yaw, p.Roll, p.Background = yaw, float64(4*i-6), uint64(i)
			})
			if len(l.rows) == 1 {
				first = p
			}
		}
	}
	l.portrait(t, 3, map[string]string{"set": "apart", "blurred": "1"}, func(p *sitter.Pose) { p.Blur = 0.06 })
	l.portrait(t, 3, map[string]string{"set": "apart", "too_dark": "1"}, func(p *sitter.Pose) { p.Exposure = -4 })
	l.portrait(t, 8, map[string]string{"set": "apart", "faces": "2+"}, func(p *sitter.Pose) {
		other := sitter.New(5)
		p.Second, p.Distance = &other, 0.3
	})
	half := image.NewRGBA(image.Rect(0, 0, 240, 240))
	for i := range 240 * 240 {
		half.SetRGBA(i%240, i/240, first.Image.RGBAAt(i%240*3/2, i/240*3/2))
	}
	l.add(t, half, map[string]string{"duplicate_of": "01.jpg"})
	l.add(t, plain(30), map[string]string{"faces": "0"})
	l.add(t, plain(150), map[string]string{"faces": "0"})
	l.write(t, []byte("no picture"), map[string]string{"not_jpeg_or_png": "1"})
	return l.save(t)
}

func TestEval(t *testing.T) {
	t.Parallel()
	labels := drawnLabels(t)
	api := newFakeAPI(t, nil)
	code, out, said := api.personaOn(t, true, "eval", labels)
	require.Equal(t, exitOK, code, said)
	require.Empty(t, api.seen, "nothing is sent")
	require.Contains(t, said, "\r1 of 15\r2 of 15")
	require.Contains(t, said, "\r15 of 15\n")
	for _, line := range []string{
		`judged +14 of 15 files`,
		`not judged +15\.jpg: The file is not a JPEG or PNG picture\. .+`,
		`time per photo +\d+ ms median, \d+ ms at 95 %`,
		`throughput +[\d.]+ photos/s`,
		`recall +100\.0 % \(11 of 11\); in 0 something else was taken for the face`,
		`eyes apart by 15 to 25 % of the shorter side +100\.0 % \(\d+ of \d+\)`,
		`turned by 0 to 15 degrees +100\.0 % \(11 of 11\)`,
		`photos without a face in which one was seen +0\.0 % \(0 of 2\)`,
		`false faces per photo without a face +0\.0000`,
		`one person seen as several +0\.0 % \(0 of 10\)`,
		`several people seen as one +0\.0 % \(0 of 1\)`,
		`under 10 % +(100|9\d|8\d)\.\d % \(\d+ of 10\)`,
		`roll +[0-2]\.\d degrees median, .* \(10 photos\)`,
		`photos +11 of 2 people: \d+ pairs of one person, \d+ of two`,
		`accepted at 1 % false accepts +.* above a similarity of \d\.\d{3}`,
		`clean sets in which somebody else was seen +\d+\.0 % \(\d of 2\)`,
		`a stranger's photo put in was named +.* of 11\), 0 refused`,
		`not_jpeg_or_png +100\.0 % \(1 of 1\) +1 +0 +1 +- +0 +100\.0 %`,
		`blurred +100\.0 % \(1 of 1\) +1 +0 +1 +0\.0 % \(0 of 8\) +0 +100\.0 %`,
		`too_dark +100\.0 % \(1 of 1\) +1 +0 +1 +0\.0 % \(0 of 8\) +0 +100\.0 %`,
		`blurred +fineness +1\.000 +1, 8 others +100\.0 % +< 0\.\d+`,
		`too_dark +highlights +1\.000 +1, 8 others +100\.0 % +< \d+`,
		`found +100\.0 % \(1 of 1\)`,
	} {
		require.Regexp(t, `(?m)^  `+line+`$`, out)
	}
	area := regexp.MustCompile(`area under the curve +([\d.]+)`).FindStringSubmatch(out)
	require.Len(t, area, 2, out)
	auc, err := strconv.ParseFloat(area[1], 64)
	require.NoError(t, err)
	require.Greater(t, auc, 0.8)
}

func TestEvalAsJSON(t *testing.T) {
	t.Parallel()
	l := &labelled{dir: t.TempDir()}
	l.portrait(t, 4, map[string]string{"blurred": "1"}, func(*sitter.Pose) {})
	l.add(t, plain(90), map[string]string{"faces": "0"})
	labels := l.save(t)
	api := newFakeAPI(t, nil)
	code, out, said := api.persona(t, "eval", "-json", labels)
	require.Equal(t, exitOK, code, said)
	require.Empty(t, said, "progress is for screens")
	var r eval.Report
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	require.Equal(t, 2, r.Photos.Files)
	require.Equal(t, eval.Share{N: 1, Of: 1}, r.Detection.Found)
	require.Less(t, r.Eyes.Median, 0.15)
	require.Equal(t, []string{"01.jpg"}, r.Judgements[0].Missed, "it is sharp, whatever the label says")
	require.Nil(t, r.Identity)

	// Strictly, a small file is a fault of its own.
	l.rows[0]["file_too_small"] = "1"
	labels = l.save(t)
	caught := func(args ...string) eval.Share {
		code, out, said := api.persona(t, append([]string{"eval", "-json", labels}, args...)...)
		require.Equal(t, exitOK, code, said)
		var r eval.Report
		require.NoError(t, json.Unmarshal([]byte(out), &r))
		return r.Judgements[0].Caught
	}
	require.Equal(t, eval.Share{N: 0, Of: 1}, caught())
	require.Equal(t, eval.Share{N: 1, Of: 1}, caught("-strict"))
}

func TestEvalTemplate(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string][]byte{"a.jpg": smallJPEG(), "b.jpg": smallJPEG(), "notes.txt": nil, ".c.jpg": nil})
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "more"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "more", "d.jpg"), smallJPEG(), 0o600))
	api := newFakeAPI(t, nil)
	code, out, said := api.persona(t, "eval", "-template", dir)
	require.Equal(t, exitOK, code, said)
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, eval.Columns(), rows[0])
	var files []string
	for _, row := range rows[1:] {
		files = append(files, row[0])
		require.Empty(t, strings.Join(row[1:], ""))
	}
	require.Equal(t, []string{dir + "/a.jpg", dir + "/b.jpg", dir + "/more/d.jpg"}, files)

	labels := filepath.Join(t.TempDir(), "labels.csv")
	require.NoError(t, os.WriteFile(labels, []byte(out), 0o600))
	code, out, said = api.persona(t, "eval", labels)
	require.Equal(t, exitOK, code, said)
	require.Regexp(t, `judged +3 of 3 files`, out)
	require.NotContains(t, out, "FACES FOUND", "nothing is known of them")
}

func TestEvalOfWhatCannotBe(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string][]byte{
		"missing.csv": []byte("file\na.jpg\n"), "column.csv": []byte("file,face\na.jpg,1\n"), "empty.txt": nil,
	})
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"neither":       {nil, exitUsage, "either LABELS.csv or -template"},
		"both":          {[]string{"labels.csv", "-template", dir}, exitUsage, "either LABELS.csv or -template"},
		"no labels":     {[]string{filepath.Join(dir, "labels.csv")}, exitUsage, "labels.csv cannot be read."},
		"missing photo": {[]string{filepath.Join(dir, "missing.csv")}, exitUsage, "missing.csv, line 2: there is no file " + dir},
		"column":        {[]string{filepath.Join(dir, "column.csv")}, exitUsage, `column.csv, line 1: the column "face" is not known; the columns are file, faces,`},
		"no folder":     {[]string{"-template", filepath.Join(dir, "x")}, exitUsage, "cannot be read"},
		"no photos":     {[]string{"-template", dir}, exitFailed, "There are no JPEG or PNG files"},
	} {
		code, out, said := newFakeAPI(t, nil).persona(t, append([]string{"eval"}, c.args...)...)
		require.Equal(t, c.code, code, name)
		require.Contains(t, said, c.says, name)
		require.Empty(t, out, name)
	}
}
