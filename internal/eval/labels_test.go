package eval_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/eval"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

func TestRead(t *testing.T) {
	t.Parallel()
	labels, err := eval.Read(strings.NewReader("\ufeff" + `blurred,file,faces,person,left_eye_x,left_eye_y,right_eye_x,right_eye_y,yaw,duplicate_of
1,a.jpg,2+,anna,1,2,3.5,4,-10,
0,"b, c.jpg",0,,,,,,,a.jpg
`))
	require.NoError(t, err)
	require.Len(t, labels, 2)
	a, b := labels[0], labels[1]
	require.Equal(t, "a.jpg", a.File)
	require.Equal(t, 2, a.Line)
	require.Equal(t, 2, a.Faces)
	require.Equal(t, "anna", a.Set, "a set is the person's if not said")
	require.Equal(t, [2]photo.Point{{X: 1, Y: 2}, {X: 3.5, Y: 4}}, *a.Eyes)
	require.InDelta(t, -10, *a.Yaw, exact)
	require.Nil(t, a.Roll)
	require.Equal(t, map[persona.PhotoCode]bool{persona.PhotoBlurred: true}, a.Codes)
	require.Equal(t, "b, c.jpg", b.File)
	require.Zero(t, b.Faces)
	require.Nil(t, b.Eyes)
	require.Equal(t, "a.jpg", b.DuplicateOf)
	require.Equal(t, map[persona.PhotoCode]bool{persona.PhotoBlurred: false}, b.Codes)

	labels, err = eval.Read(strings.NewReader("file\na.jpg\n"))
	require.NoError(t, err)
	require.Equal(t, -1, labels[0].Faces, "unknown is not none")
}

func TestReadSaysWhatToCorrect(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, says string }{
		"nothing":          {"", "line 1: there is no row of column names"},
		"unknown column":   {"file,blury\na.jpg,1", `line 1: the column "blury" is not known; the columns are file, faces, person,`},
		"of several":       {"file,duplicate\na.jpg,1", `the column "duplicate" is not known`},
		"column twice":     {"file,yaw,yaw\na.jpg,1,1", `line 1: the column "yaw" is there twice`},
		"no files":         {"faces\n1", `line 1: there is no column "file"`},
		"no photos":        {"file\n", "line 2: there are no photos"},
		"no name":          {"file,faces\na.jpg,1\n,1", "line 3: the file is missing"},
		"too few fields":   {"file,faces\na.jpg,1\nb.jpg", "line 3: wrong number of fields"},
		"not 0 or 1":       {"file,blurred\na.jpg,yes", `line 2: blurred is "yes", not 0 or 1`},
		"faces":            {"file,faces\na.jpg,some", `line 2: faces is "some", not a number`},
		"negative faces":   {"file,faces\na.jpg,-1", `line 2: faces is "-1"`},
		"angle":            {"file,yaw\na.jpg,left", `line 2: yaw is "left", not a number`},
		"no finite number": {"file,roll\na.jpg,NaN", `line 2: roll is "NaN", not a number`},
		"one eye":          {"file,left_eye_x,left_eye_y\na.jpg,3,4", "line 2: of the eyes, all of left_eye_x"},
		"one place":        {"file,left_eye_x,left_eye_y,right_eye_x,right_eye_y\na.jpg,3,4,3,4", "line 2: both eyes are at the same place"},
		"file twice":       {"file\na.jpg\nb.jpg\na.jpg", "line 4: a.jpg is already in line 2"},
		"no such twin":     {"file,duplicate_of\na.jpg,b.jpg", "line 2: a.jpg is a duplicate of b.jpg, which is no other photo"},
		"its own twin":     {"file,duplicate_of\na.jpg,a.jpg", "which is no other photo of the list"},
	} {
		_, err := eval.Read(strings.NewReader(c.text))
		require.ErrorContains(t, err, c.says, name)
	}
}

// Every code of a single photo can be labelled, so that no judgement goes unmeasured.
func TestColumns(t *testing.T) {
	t.Parallel()
	columns := eval.Columns()
	for _, code := range []persona.PhotoCode{
		persona.PhotoBlurred, persona.PhotoTooDark, persona.PhotoEyesHidden, persona.PhotoEyesClosed, persona.PhotoFaceCovered,
		persona.PhotoHeadCutOff, persona.PhotoGreyscale, persona.PhotoTooOld, persona.PhotoDamaged,
	} {
		require.Contains(t, columns, string(code))
	}
	require.NotContains(t, columns, string(persona.PhotoDuplicate), "duplicate_of says more")
}

func TestTemplateCanBeReadBack(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, eval.WriteTemplate(&b, []string{"photos/a.jpg", "photos/b, c.png"}))
	rows, err := csv.NewReader(bytes.NewReader(b.Bytes())).ReadAll()
	require.NoError(t, err)
	require.Equal(t, eval.Columns(), rows[0])
	labels, err := eval.Read(&b)
	require.NoError(t, err)
	require.Len(t, labels, 2)
	require.Equal(t, "photos/b, c.png", labels[1].File)
	require.Equal(t, -1, labels[1].Faces)
}

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	photo := write("a.jpg", "")
	labels, err := eval.Load(write("labels.csv", "file\na.jpg\n"+photo+"\n"))
	require.NoError(t, err, "relative to the labels, and absolute")
	require.Equal(t, dir, labels.Dir)

	_, err = eval.Load(write("missing.csv", "file\na.jpg\nb.jpg\n"))
	require.ErrorContains(t, err, "missing.csv, line 3: there is no file "+filepath.Join(dir, "b.jpg"))
	_, err = eval.Load(write("folder.csv", "file\n.\n"))
	require.ErrorContains(t, err, "line 2: there is no file", "a folder is no photo")
	_, err = eval.Load(write("wrong.csv", "name\na.jpg\n"))
	require.ErrorContains(t, err, "wrong.csv, line 1: ")
	_, err = eval.Load(filepath.Join(dir, "nothing.csv"))
	require.ErrorContains(t, err, "cannot be read")
}
