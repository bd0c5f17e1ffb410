package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/inflio/persona/internal/persona"
)

type trainCommand struct {
	Dir         string        `arg:"" help:"Folder with the photos. Every JPEG and PNG file in it is sent."`
	Name        string        `required:"" placeholder:"NAME" help:"Display name of the persona."`
	ConsentFile string        `xor:"consent" type:"existingfile" placeholder:"FILE" help:"The signed consent, as JSON."`
	IConsent    bool          `name:"i-consent" xor:"consent" help:"These are photos of me, I agree to the terms, and I consent to finding and measuring faces in them, to training a model on them, to making pictures with my likeness, and to keeping photos and model, encrypted, until I erase them."`
	Tier        string        `placeholder:"TIER" help:"basic, standard or premium. The default is the highest that the number of photos reaches."`
	Primary     string        `placeholder:"FILE" help:"Name of the photo that shows the person best."`
	Config      string        `type:"existingfile" placeholder:"FILE" help:"Training configuration, as JSON. Members that are left out keep their defaults."`
	Wait        bool          `help:"Follow the training until it ends."`
	Every       time.Duration `default:"1s" hidden:""`
}

// maxAttempts is how often an upload is tried. Each attempt has the same Idempotency-Key, so that only one training starts.
const maxAttempts = 3

func (c *trainCommand) Run(ctx context.Context, t *terminal, all *commands) error {
	api, err := all.client(t)
	if err != nil {
		return err
	}
	u, err := c.prepare()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(t.err, "Sending %s (%.1f MB) …\n", plural(len(u.files), "photo"), float64(u.bytes)/(1<<20))
	var answer trainAnswer
	for attempt := 1; ; attempt++ {
		err = u.send(ctx, api, &answer)
		if err == nil || attempt == maxAttempts || !isTransient(err) {
			break
		}
		_, _ = fmt.Fprintln(t.err, "The upload failed; trying again.")
		if err := pause(ctx, c.Every); err != nil {
			return err
		}
	}
	if err != nil {
		return u.explain(err)
	}
	if _, err := fmt.Fprintln(t.out, answer.ID); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(t.err, "The training has started: trigger word %s, %s tier, about %d minutes, $%.0f.\n",
		answer.TriggerWord, answer.Estimate.Tier, answer.Estimate.Minutes, answer.Estimate.CostUSD)
	if !c.Wait {
		_, _ = fmt.Fprintf(t.err, "Follow it with: persona status %s\n", answer.ID)
		return nil
	}
	f := follower{api: api, out: t.err, live: t.liveErr, every: c.Every, names: u.names()}
	return f.follow(ctx, answer.ID)
}

type trainAnswer struct {
	ID          string `json:"id"`
	TriggerWord string `json:"trigger_word"`
	Estimate    struct {
		Tier    string  `json:"tier"`
		Minutes int     `json:"minutes"`
		CostUSD float64 `json:"cost_usd"`
	} `json:"estimate"`
}

// upload is one request to train. It can be sent more than once.
type upload struct {
	key    string
	fields []field
	files  []string
	bytes  int64
}

type field struct{ name, value string }

func (c *trainCommand) prepare() (*upload, error) {
	u := &upload{key: uuid.NewString(), fields: []field{{"name", c.Name}}}
	consent, err := c.consent()
	if err != nil {
		return nil, err
	}
	u.fields = append(u.fields, field{"consent", consent})
	if c.Tier != "" {
		u.fields = append(u.fields, field{"tier", c.Tier})
	}
	if c.Config != "" {
		raw, err := os.ReadFile(c.Config)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read", c.Config)
		}
		u.fields = append(u.fields, field{"config", string(raw)})
	}
	if u.files, u.bytes, err = picturesIn(c.Dir); err != nil {
		return nil, err
	}
	if c.Primary == "" {
		return u, nil
	}
	for i, file := range u.files {
		if filepath.Base(file) == filepath.Base(c.Primary) {
			u.fields = append(u.fields, field{"primary", strconv.Itoa(i)})
			return u, nil
		}
	}
	return nil, &exitError{code: exitUsage, message: fmt.Sprintf("persona: there is no photo %s in %s.", c.Primary, c.Dir)}
}

func (c *trainCommand) consent() (string, error) {
	switch {
	case c.ConsentFile != "":
		raw, err := os.ReadFile(c.ConsentFile)
		if err != nil {
			return "", fmt.Errorf("%s cannot be read", c.ConsentFile)
		}
		return string(raw), nil
	case c.IConsent:
		raw, err := json.Marshal(persona.Consent{AgreedToTerms: true, Items: persona.ConsentItems{
			FacialRecognition: true, AITraining: true, LikenessUsage: true, DataRetention: true,
		}})
		return string(raw), err
	}
	return "", &exitError{code: exitUsage, message: `persona: a training needs the consent of the person in the photos.
Give --consent-file with the signed consent, or --i-consent if it is you (persona train --help lists what you consent to).`}
}

// picturesIn returns the JPEG and PNG files of a folder, sorted, by their extension or their first bytes, and their size.
func picturesIn(dir string) (files []string, bytes int64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, &exitError{code: exitUsage, message: fmt.Sprintf("persona: the folder %s cannot be read.", dir)}
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		info, err := os.Stat(path) // follows links
		if err != nil || !info.Mode().IsRegular() || strings.HasPrefix(entry.Name(), ".") || !looksLikePicture(path) {
			continue
		}
		files, bytes = append(files, path), bytes+info.Size()
	}
	if len(files) == 0 {
		return nil, 0, &exitError{code: exitFailed, message: fmt.Sprintf("There are no JPEG or PNG files in %s.", dir)}
	}
	sort.Strings(files)
	return files, bytes, nil
}

func looksLikePicture(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".jpg", ".jpeg", ".png":
		return true
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, 8)
	n, _ := io.ReadFull(f, head)
	head = head[:n]
	return bytes.HasPrefix(head, []byte("\xff\xd8\xff")) || bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n"))
}

// send streams the upload, so that no photo is ever whole in memory.
func (u *upload) send(ctx context.Context, api *client, answer *trainAnswer) error {
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() { _ = w.CloseWithError(u.write(form)) }()
	defer func() { _ = r.Close() }()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, api.base+"/api/personas/train", r)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Idempotency-Key", u.key)
	req.Header.Set("Expect", "100-continue") // the server can refuse the request before the photos are sent
	err = api.do(req, answer)
	if fileErr, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("%s cannot be read", fileErr.Path)
	}
	return err
}

func (u *upload) write(form *multipart.Writer) error {
	for _, f := range u.fields {
		if err := form.WriteField(f.name, f.value); err != nil {
			return err
		}
	}
	for i, path := range u.files {
		// The name of a file can say who is in the photo, so a number is sent.
		header := textproto.MIMEHeader{
			"Content-Disposition": {fmt.Sprintf(`form-data; name="photos"; filename="%d"`, i)},
			"Content-Type":        {"application/octet-stream"},
		}
		part, err := form.CreatePart(header)
		if err != nil {
			return err
		}
		if err := copyFile(part, path); err != nil {
			return err
		}
	}
	return form.Close()
}

func copyFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(w, f)
	return err
}

// names returns the names of the photos by their position in the request.
func (u *upload) names() []string {
	names := make([]string, 0, len(u.files))
	for _, file := range u.files {
		names = append(names, filepath.Base(file))
	}
	return names
}

// explain adds the reasons for each file, by its name, to an error of the API.
func (u *upload) explain(err error) error {
	var p *problem
	if !errors.As(err, &p) || len(p.Photos) == 0 {
		return err
	}
	return &exitError{code: exitFailed, message: p.Error() + "\n" + photoReasons(p.Photos, u.names())}
}

// photoReasons returns a line for each finding about each photo, those that refuse it first.
func photoReasons(photos []photoProblem, names []string) string {
	var lines []string
	for _, photo := range photos {
		name := fmt.Sprintf("photo %d", photo.Index+1)
		if photo.Index < len(names) {
			name = names[photo.Index]
		}
		for _, f := range persona.RefusalsFirst(photo.Findings) {
			lines = append(lines, fmt.Sprintf("  %s: %s", name, worded(f)))
		}
	}
	return strings.Join(lines, "\n")
}

// worded returns a finding as one line. One that does not refuse the photo is marked as a note.
func worded(f persona.Finding) string {
	text := f.Why + " " + f.Do
	if !f.Refuses {
		text = "note: " + text
	}
	return text
}
