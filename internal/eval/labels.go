package eval

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// Label describes one photo, as labelled by a person. Unknown fields are nil, empty, or -1 for Faces.
type Label struct {
	Line  int    // in the file of labels, from 1
	File  string // as written: relative to the folder of the labels, or absolute
	Faces int    // people that should be found; "2+" in the file is 2

	Person string // a name for the person, the same in all photos of that person
	Set    string // a name for photos that belong to one training; Person if the file says nothing

	Eyes      *[2]photo.Point // in pixels of the upright picture, the one on the left of the picture first
	Yaw, Roll *float64        // degrees, as in photo.Face

	Codes       map[persona.PhotoCode]bool // whether the photo deserves a finding of this code
	DuplicateOf string                     // File of the photo that this one is a copy of
}

// The columns that are not codes.
const (
	columnFile        = "file"
	columnFaces       = "faces"
	columnPerson      = "person"
	columnSet         = "set"
	columnYaw         = "yaw"
	columnRoll        = "roll"
	columnDuplicateOf = "duplicate_of"
)

// eyeColumns are x and y of the eye on the left of the picture, then of the other one.
var eyeColumns = []string{"left_eye_x", "left_eye_y", "right_eye_x", "right_eye_y"}

// notOfOnePhoto are codes that no single photo can deserve: they come from comparing photos, for which the file has
// other columns, from fetching them, or from a fault of the program.
var notOfOnePhoto = []persona.PhotoCode{
	persona.PhotoDuplicate, persona.PhotoUnlikeOthers, persona.PhotoProbablyTwoSet, persona.PhotoNotAmongBest,
	persona.PhotoUnreachable, persona.PhotoCannotBeJudged,
}

// Columns lists all columns that a file of labels can have.
func Columns() []string {
	out := []string{columnFile, columnFaces, columnPerson, columnSet}
	out = append(out, eyeColumns...)
	out = append(out, columnYaw, columnRoll)
	for _, advice := range persona.PhotoCodes() {
		if !slices.Contains(notOfOnePhoto, advice.Code) {
			out = append(out, string(advice.Code))
		}
	}
	return append(out, columnDuplicateOf)
}

// WriteTemplate writes labels of the given photos for a person to fill in.
func WriteTemplate(w io.Writer, files []string) error {
	c := csv.NewWriter(w)
	columns := Columns()
	if err := c.Write(columns); err != nil {
		return err
	}
	row := make([]string, len(columns))
	for _, file := range files {
		row[0] = filepath.ToSlash(file)
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// Labels are the labelled photos of one folder.
type Labels struct {
	Dir    string // base of relative file names
	Photos []Label
}

// path is the path of the photo's file.
func (l Labels) path(p Label) string {
	name := filepath.FromSlash(p.File)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(l.Dir, name)
}

// Load reads a file of labels and checks that every photo exists. Errors say what to correct and in which line.
func Load(name string) (Labels, error) {
	f, err := os.Open(name)
	if err != nil {
		return Labels{}, fmt.Errorf("%s cannot be read", name)
	}
	defer func() { _ = f.Close() }()
	photos, err := Read(f)
	if err != nil {
		return Labels{}, fmt.Errorf("%s, %w", name, err)
	}
	labels := Labels{Dir: filepath.Dir(name), Photos: photos}
	for _, p := range photos {
		if info, err := os.Stat(labels.path(p)); err != nil || info.IsDir() {
			return Labels{}, fmt.Errorf("%s, line %d: there is no file %s", name, p.Line, labels.path(p))
		}
	}
	return labels, nil
}

// Read reads labels: a row of column names, in any order, then a row for each photo. Only the column of files is
// required; an empty field is unknown.
func Read(r io.Reader) ([]Label, error) {
	c := csv.NewReader(r)
	c.TrimLeadingSpace = true
	header, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("line 1: there is no row of column names: %w", err)
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff") // spreadsheets write a byte order mark
	if err := checkHeader(header); err != nil {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	var out []Label
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, worded(err)
		}
		line, _ := c.FieldPos(0)
		l := Label{Line: line, Faces: -1, Codes: map[persona.PhotoCode]bool{}}
		if err := l.fill(header, row); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		out = append(out, l)
	}
	if len(out) == 0 {
		return nil, errors.New("line 2: there are no photos")
	}
	return out, checkNames(out)
}

func worded(err error) error {
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("line %d: %w", parse.Line, parse.Err)
	}
	return err
}

func checkHeader(header []string) error {
	known := Columns()
	for i, name := range header {
		switch {
		case !slices.Contains(known, name):
			return fmt.Errorf("the column %q is not known; the columns are %s", name, strings.Join(known, ", "))
		case slices.Contains(header[:i], name):
			return fmt.Errorf("the column %q is there twice", name)
		}
	}
	if !slices.Contains(header, columnFile) {
		return fmt.Errorf("there is no column %q", columnFile)
	}
	return nil
}

// checkNames fails if a photo is listed twice, or is a copy of one that is not listed.
func checkNames(all []Label) error {
	lines := map[string]int{}
	for _, l := range all {
		if before, twice := lines[l.File]; twice {
			return fmt.Errorf("line %d: %s is already in line %d", l.Line, l.File, before)
		}
		lines[l.File] = l.Line
	}
	for _, l := range all {
		if _, there := lines[l.DuplicateOf]; l.DuplicateOf != "" && (!there || l.DuplicateOf == l.File) {
			return fmt.Errorf("line %d: %s is a duplicate of %s, which is no other photo of the list", l.Line, l.File, l.DuplicateOf)
		}
	}
	return nil
}

// fill parses one row.
func (l *Label) fill(header, row []string) error {
	eyes := map[string]float64{}
	for i, name := range header {
		value := strings.TrimSpace(row[i])
		if value == "" {
			continue
		}
		var err error
		switch name {
		case columnFile:
			l.File = value
		case columnPerson:
			l.Person = value
		case columnSet:
			l.Set = value
		case columnDuplicateOf:
			l.DuplicateOf = value
		case columnFaces:
			l.Faces, err = strconv.Atoi(strings.TrimSuffix(value, "+"))
			if err != nil || l.Faces < 0 {
				err = fmt.Errorf("faces is %q, not a number such as 0, 1 or 2+", value)
			}
		case columnYaw:
			l.Yaw, err = number(name, value)
		case columnRoll:
			l.Roll, err = number(name, value)
		default:
			if slices.Contains(eyeColumns, name) {
				var v *float64
				if v, err = number(name, value); err == nil {
					eyes[name] = *v
				}
				break
			}
			if value != "0" && value != "1" {
				err = fmt.Errorf("%s is %q, not 0 or 1", name, value)
			}
			l.Codes[persona.PhotoCode(name)] = value == "1"
		}
		if err != nil {
			return err
		}
	}
	if l.File == "" {
		return errors.New("the file is missing")
	}
	if l.Set == "" {
		l.Set = l.Person
	}
	return l.placeEyes(eyes)
}

func (l *Label) placeEyes(at map[string]float64) error {
	if len(at) == 0 {
		return nil
	}
	if len(at) < len(eyeColumns) {
		return fmt.Errorf("of the eyes, all of %s are needed or none", strings.Join(eyeColumns, ", "))
	}
	l.Eyes = &[2]photo.Point{
		{X: at[eyeColumns[0]], Y: at[eyeColumns[1]]},
		{X: at[eyeColumns[2]], Y: at[eyeColumns[3]]},
	}
	if distance(l.Eyes[0], l.Eyes[1]) == 0 {
		return errors.New("both eyes are at the same place")
	}
	return nil
}

func number(name, value string) (*float64, error) {
	v, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return nil, fmt.Errorf("%s is %q, not a number", name, value)
	}
	return &v, nil
}

// hasFace reports whether the photo is labelled as having a face.
func (l *Label) hasFace() bool {
	return l.Faces > 0 || l.Faces < 0 && (l.Eyes != nil || l.Person != "")
}

func distance(a, b photo.Point) float64 { return math.Hypot(a.X-b.X, a.Y-b.Y) }
