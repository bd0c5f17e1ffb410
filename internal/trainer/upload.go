package trainer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// File is a file to upload.
type File struct {
	Name        string                        // part of the file's address: nothing about a person
	ContentType string                        // for example application/zip
	Size        int64                         // exact, in bytes
	Open        func() (io.ReadCloser, error) // called again for each attempt
}

// partTimeout bounds one attempt to move up to 90 MB; that is 1.2 Mbit/s.
const partTimeout = 10 * time.Minute

type slot struct {
	UploadURL string `json:"upload_url"`
	FileURL   string `json:"file_url"`
}

// Upload uploads a file and returns its public address. Treat the address as a secret: whoever has it can read the file
// until it expires or is hidden. At most one part of 10 MB is held in memory. Files over 90 MB are sent in parts.
//
// placed, unless nil, is called with the address before the first byte of content is sent, so that the caller can
// record it and hide the file later even if this call never returns. An error of placed ends the upload and is in the
// chain of the returned error. Each call of Upload gets a new address.
func (c *Client) Upload(
	ctx context.Context, f File, expires time.Duration, placed func(address string) error,
) (address string, err error) {
	if f.Size <= 0 || f.Open == nil {
		return "", errors.New("trainer: upload: a size and a way to open the file are needed")
	}
	if f.Size > c.singleMax {
		return c.uploadParts(ctx, f, expires, placed)
	}
	s, err := c.place(ctx, "initiate", f, expires, placed)
	if err != nil {
		return "", err
	}
	r, err := c.do(ctx, call{
		op: opUpload, method: http.MethodPut, url: s.UploadURL, open: f.Open, size: f.Size,
		header: http.Header{"Content-Type": {f.ContentType}}, foreign: true, timeout: partTimeout,
	})
	if err != nil {
		return "", err
	}
	return s.FileURL, slotError(opUpload, r)
}

// place asks for a slot to upload to and reports its address to placed.
func (c *Client) place(
	ctx context.Context, how string, f File, expires time.Duration, placed func(address string) error,
) (slot, error) {
	s, err := c.initiate(ctx, how, f, expires)
	if err != nil || placed == nil {
		return s, err
	}
	if err := placed(s.FileURL); err != nil {
		return slot{}, fmt.Errorf("trainer: upload: record the address: %w", err)
	}
	return s, nil
}

// slotError classifies the answer of the store behind an upload address. It is never final, because a new slot may
// accept the same content, for example when the old address has expired.
func slotError(op string, r reply) error {
	if r.status >= 200 && r.status < 300 {
		return nil
	}
	return &CallError{Op: op, Status: r.status, Type: "upload_refused", public: unavailable()}
}

// initiate asks for a slot to upload to. A second call leaves an empty slot behind, which costs nothing.
func (c *Client) initiate(ctx context.Context, how string, f File, expires time.Duration) (slot, error) {
	body, err := json.Marshal(map[string]string{"content_type": f.ContentType, "file_name": f.Name})
	if err != nil {
		return slot{}, fmt.Errorf("trainer: %s: %w", opInitiate, err)
	}
	preference := lifecycle(expires)
	r, err := c.do(ctx, call{
		op: opInitiate, method: http.MethodPost, url: c.rest + "/storage/upload/" + how + "?storage_type=fal-cdn-v3", body: body,
		header: http.Header{
			// The documentation has the first name, the official JavaScript client sends the second.
			"X-Fal-Object-Lifecycle-Preference": {preference},
			"X-Fal-Object-Lifecycle":            {preference},
		},
	})
	if err != nil {
		return slot{}, err
	}
	if err := check(opInitiate, r); err != nil {
		return slot{}, err
	}
	var s slot
	if json.Unmarshal(r.body, &s) != nil || !c.fetchable(s.UploadURL) || !c.fetchable(s.FileURL) {
		return slot{}, unreadable(opInitiate, r)
	}
	return s, nil
}

type part struct {
	Number int    `json:"partNumber"`
	ETag   string `json:"etag"`
}

func (c *Client) uploadParts(
	ctx context.Context, f File, expires time.Duration, placed func(address string) error,
) (string, error) {
	s, err := c.place(ctx, "initiate-multipart", f, expires, placed)
	if err != nil {
		return "", err
	}
	file, err := f.Open()
	if err != nil {
		return "", fmt.Errorf("trainer: upload: open the file: %w", err)
	}
	defer func() { _ = file.Close() }() // it is only read
	var parts []part
	buffer := make([]byte, min(c.partOf, f.Size))
	for sent := int64(0); sent < f.Size; {
		chunk := buffer[:min(c.partOf, f.Size-sent)]
		if _, err := io.ReadFull(file, chunk); err != nil {
			return "", fmt.Errorf("trainer: upload: the file is shorter than its size: %w", err)
		}
		p, err := c.uploadPart(ctx, s.UploadURL, len(parts)+1, chunk)
		if err != nil {
			return "", err
		}
		parts = append(parts, p)
		sent += int64(len(chunk))
	}
	return s.FileURL, c.completeParts(ctx, s.UploadURL, parts)
}

func (c *Client) uploadPart(ctx context.Context, uploadURL string, number int, chunk []byte) (part, error) {
	op := fmt.Sprintf("upload part %d", number)
	r, err := c.do(ctx, call{
		op: op, method: http.MethodPut, url: below(uploadURL, fmt.Sprint(number)), foreign: true, timeout: partTimeout,
		open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(chunk)), nil }, size: int64(len(chunk)),
	})
	if err != nil {
		return part{}, err
	}
	if err := slotError(op, r); err != nil {
		return part{}, err
	}
	p := part{}
	if json.Unmarshal(r.body, &p) != nil || p.ETag == "" {
		p.ETag = r.header.Get("ETag")
	}
	p.Number = number
	if p.ETag == "" {
		return part{}, unreadable(op, r)
	}
	return p, nil
}

func (c *Client) completeParts(ctx context.Context, uploadURL string, parts []part) error {
	body, err := json.Marshal(map[string]any{"parts": parts})
	if err != nil {
		return fmt.Errorf("trainer: %s: %w", opCompletePart, err)
	}
	r, err := c.do(ctx, call{op: opCompletePart, method: http.MethodPost, url: below(uploadURL, "complete"), body: body, foreign: true})
	if err != nil {
		return err
	}
	return slotError(opCompletePart, r)
}

// below appends a path segment and keeps the query, which contains the signature.
func below(address, segment string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address // not reached: initiate has parsed it
	}
	return u.JoinPath(segment).String()
}
