package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"
)

type listCommand struct {
	JSON bool `name:"json" help:"Print JSON for machines."`
}

type listAnswer struct {
	Personas []json.RawMessage `json:"personas"`
	Total    int               `json:"total"`
}

const pageSize = 100

func (c *listCommand) Run(ctx context.Context, t *terminal, all *commands) error {
	api, err := all.client(t)
	if err != nil {
		return err
	}
	found := []json.RawMessage{}
	for {
		var page listAnswer
		path := fmt.Sprintf("/api/personas?limit=%d&offset=%d", pageSize, len(found))
		if err := api.call(ctx, http.MethodGet, path, &page); err != nil {
			return err
		}
		found = append(found, page.Personas...)
		if len(page.Personas) == 0 || len(found) >= page.Total {
			break
		}
	}
	if c.JSON {
		return printJSON(t, found)
	}
	if len(found) == 0 {
		_, err := fmt.Fprintln(t.out, "There are no personas yet. Make one with: persona train DIR --name NAME")
		return err
	}
	return printPersonas(t, found)
}

func printPersonas(t *terminal, personas []json.RawMessage) error {
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ID\tNAME\tSTATUS\tVERSION\tTRIGGER WORD\tQUALITY\tCREATED")
	for _, raw := range personas {
		var p struct {
			ID          string `json:"id"`
			Name        string `json:"name"`
			Status      string `json:"status"`
			Version     int    `json:"version"`
			TriggerWord string `json:"trigger_word"`
			Training    struct {
				QualityScore *float64 `json:"quality_score"`
			} `json:"training_metadata"`
			CreatedAt time.Time `json:"created_at"`
		}
		if err := json.Unmarshal(raw, &p); err != nil {
			return fmt.Errorf("the list cannot be read: %w", err)
		}
		quality := "-"
		if p.Training.QualityScore != nil {
			quality = fmt.Sprintf("%.2f", *p.Training.QualityScore)
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", p.ID, p.Name, p.Status, p.Version, p.TriggerWord, quality,
			p.CreatedAt.UTC().Format("2006-01-02 15:04"))
	}
	return w.Flush()
}

func printJSON(t *terminal, v any) error {
	enc := json.NewEncoder(t.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

type cancelCommand struct {
	ID string `arg:"" help:"Id of the persona."`
}

func (c *cancelCommand) Run(ctx context.Context, t *terminal, all *commands) error {
	api, err := all.client(t)
	if err != nil {
		return err
	}
	var answer struct {
		Cancelled   bool `json:"cancelled"`
		MayBeBilled bool `json:"may_be_billed"`
	}
	if err := api.call(ctx, http.MethodPost, personaPath(c.ID)+"/cancel", &answer); err != nil {
		return err
	}
	if !answer.Cancelled {
		return &exitError{code: exitFailed, message: "Too late: the training had already ended."}
	}
	text := "The training was cancelled. Nothing will be billed."
	if answer.MayBeBilled {
		text = "The training was cancelled. The provider may still bill it."
	}
	_, err = fmt.Fprintln(t.out, text)
	return err
}

type deleteCommand struct {
	ID     string        `arg:"" help:"Id of the persona."`
	NoWait bool          `help:"Print the id of the erasure and do not wait for the certificate."`
	Every  time.Duration `default:"500ms" hidden:""`
}

type erasureAnswer struct {
	Status      string          `json:"status"`
	Certificate json.RawMessage `json:"certificate"`
}

func (c *deleteCommand) Run(ctx context.Context, t *terminal, all *commands) error {
	api, err := all.client(t)
	if err != nil {
		return err
	}
	var accepted struct {
		ErasureID string `json:"erasure_id"`
	}
	if err := api.call(ctx, http.MethodDelete, personaPath(c.ID), &accepted); err != nil {
		return err
	}
	if c.NoWait {
		_, err := fmt.Fprintln(t.out, accepted.ErasureID)
		return err
	}
	_, _ = fmt.Fprintln(t.err, "Erasing …")
	for unanswered := 0; ; {
		var e erasureAnswer
		err := api.call(ctx, http.MethodGet, "/api/erasures/"+url.PathEscape(accepted.ErasureID), &e)
		switch {
		case err == nil && e.Status == "completed":
			return printCertificate(t, e.Certificate)
		case err == nil:
			unanswered = 0
		case isTransient(err) && unanswered < maxUnanswered:
			unanswered++
		default:
			return err
		}
		if err := pause(ctx, c.Every); err != nil {
			return err
		}
	}
}

func printCertificate(t *terminal, certificate json.RawMessage) error {
	_, _ = fmt.Fprintln(t.err, "Erased. The certificate:")
	var pretty bytes.Buffer
	if json.Indent(&pretty, certificate, "", "  ") != nil {
		pretty.Reset()
		pretty.Write(certificate)
	}
	_, err := fmt.Fprintln(t.out, pretty.String())
	return err
}
