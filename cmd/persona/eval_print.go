package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/inflio/persona/internal/eval"
)

// printReport prints the report for people: a block for each kind of label, with the number of photos behind each figure.
func printReport(out io.Writer, r eval.Report) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	printPhotos(w, r.Photos)
	printDetection(w, r.Detection)
	printEyes(w, r)
	printIdentity(w, r.Identity)
	printSets(w, r.Sets)
	printJudgements(w, r.Judgements)
	printDuplicates(w, r.Duplicates)
	return w.Flush()
}

// block starts a block, whose columns are aligned on their own.
func block(w *tabwriter.Writer, title string) {
	_ = w.Flush()
	_, _ = fmt.Fprintf(w, "\n%s\n", title)
}

func row(w *tabwriter.Writer, name, format string, values ...any) {
	_, _ = fmt.Fprintf(w, "  %s\t%s\n", name, fmt.Sprintf(format, values...))
}

// percent returns a share with the number of things behind it.
func percent(s eval.Share) string {
	if s.Of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %% (%d of %d)", 100*s.Value(), s.N, s.Of)
}

func printPhotos(w *tabwriter.Writer, p eval.Photos) {
	_, _ = fmt.Fprintln(w, "PHOTOS")
	row(w, "judged", "%d of %s", p.Files-len(p.NotJudged), plural(p.Files, "file"))
	for i, problem := range p.NotJudged {
		if i == 10 {
			row(w, "not judged", "... and %d more", len(p.NotJudged)-i)
			break
		}
		row(w, "not judged", "%s: %s", problem.File, problem.Why)
	}
	row(w, "time per photo", "%.0f ms median, %.0f ms at 95 %%", p.Median, p.Slow)
	if p.Processor > 0 {
		row(w, "processor", "%.0f ms per photo", p.Processor)
	}
	row(w, "throughput", "%.1f photos/s", p.PerSecond)
	if p.PeakMemory > 0 {
		row(w, "peak memory", "%d MB", p.PeakMemory>>20)
	}
}

func printDetection(w *tabwriter.Writer, d *eval.Detection) {
	if d == nil {
		return
	}
	block(w, "FACES FOUND")
	if d.Found.Of > 0 {
		row(w, "recall", "%s; in %d something else was taken for the face", percent(d.Found), d.Elsewhere)
	}
	for _, c := range d.BySize {
		row(w, "eyes apart by "+c.Name+" of the shorter side", "%s", percent(c.Found))
	}
	for _, c := range d.ByYaw {
		row(w, "turned by "+c.Name, "%s", percent(c.Found))
	}
	if d.False.Of > 0 {
		row(w, "photos without a face in which one was seen", "%s", percent(d.False))
		row(w, "false faces per photo without a face", "%.4f", float64(d.FalseFaces)/float64(d.False.Of))
		row(w, "of them, accepted as photos to train on", "%d", d.FalseAccepted)
	}
	if d.SeveralForOne.Of > 0 {
		row(w, "one person seen as several", "%s", percent(d.SeveralForOne))
	}
	if d.OneForSeveral.Of > 0 {
		row(w, "several people seen as one", "%s", percent(d.OneForSeveral))
	}
}

func printEyes(w *tabwriter.Writer, r eval.Report) {
	if e := r.Eyes; e != nil {
		block(w, "EYES (distance of the worse eye from its true place, in % of the true eye distance; faces found only)")
		row(w, "error", "%.1f %% median, %.1f %% at 95 %%", 100*e.Median, 100*e.Most)
		row(w, "under 5 %", "%s", percent(e.Under5))
		row(w, "under 10 %", "%s", percent(e.Under10))
	}
	if r.Yaw == nil && r.Roll == nil {
		return
	}
	block(w, "ANGLES (absolute error)")
	for _, a := range []struct {
		name  string
		angle *eval.Angle
	}{{"yaw", r.Yaw}, {"roll", r.Roll}} {
		if a.angle != nil {
			row(w, a.name, "%.1f degrees median, %.1f at 95 %% (%s)", a.angle.Median, a.angle.Most,
				plural(a.angle.Photos, "photo"))
		}
	}
}

func printIdentity(w *tabwriter.Writer, i *eval.Identity) {
	if i == nil {
		return
	}
	block(w, "SAME PERSON (descriptor "+i.DescribedBy+")")
	row(w, "photos", "%d of %d people: %d pairs of one person, %d of two", i.Photos, i.People, i.Same, i.Different)
	row(w, "area under the curve", "%.4f", i.AUC)
	row(w, "equal error rate", "%.1f %% at a similarity of %.3f", 100*i.EER, i.EERCut)
	for _, at := range i.At {
		row(w, fmt.Sprintf("accepted at %g %% false accepts", 100*at.FalseAccepts), "%s above a similarity of %.3f",
			percent(at.Accepted), at.Cut)
	}
}

func printSets(w *tabwriter.Writer, s *eval.Sets) {
	if s == nil {
		return
	}
	block(w, "SETS OF ONE PERSON")
	row(w, "clean sets in which somebody else was seen", "%s", percent(s.Clean))
	row(w, "their photos that were named", "%s, %d refused", percent(s.CleanPhotos), s.CleanRefused)
	if s.Intruder.Of > 0 {
		row(w, "a stranger's photo put in was named", "%s, %d refused", percent(s.Intruder), s.IntruderRefused)
		row(w, "as unlike the others, as one of two people", "%d, %d", s.Unlike, s.TwoPeople)
		row(w, "own photos named beside it", "%s", percent(s.Beside))
	}
}

func printJudgements(w *tabwriter.Writer, all []eval.Judgement) {
	if len(all) == 0 {
		return
	}
	block(w, "JUDGEMENTS (caught: photos that deserve it and got it; anyhow: refused for whatever reason)")
	_, _ = fmt.Fprintln(w, "  CODE\tCAUGHT\tREFUSED\tWARNED\tANYHOW\tFALSE ALARMS\tREFUSED\tPRECISION")
	measured := false
	for _, j := range all {
		precision := "-"
		if p := j.Precision(); p.Of > 0 {
			precision = fmt.Sprintf("%.1f %%", 100*p.Value())
		}
		_, _ = fmt.Fprintf(w, "  %s\t%s\t%d\t%d\t%d\t%s\t%d\t%s\n", j.Code, percent(j.Caught), j.Refused, j.Warned,
			j.Anyhow, percent(j.FalseAlarms), j.FalseRefusals, precision)
		measured = measured || len(j.Measures) > 0
	}
	if !measured {
		return
	}
	block(w, "THE MEASURES BEHIND THEM (how well each alone tells the faces apart; cut: where 2 % would be false alarms)")
	_, _ = fmt.Fprintln(w, "  CODE\tMEASURE\tAREA UNDER THE CURVE\tPHOTOS\tCAUGHT AT 2 %\tCUT")
	for _, j := range all {
		for _, m := range j.Measures {
			sign := ">"
			if m.Below {
				sign = "<"
			}
			_, _ = fmt.Fprintf(w, "  %s\t%s\t%.3f\t%d, %d others\t%.1f %%\t%s %.4g\n", j.Code, m.Measure, m.AUC, m.Yes, m.No,
				100*m.Caught.Value(), sign, m.Cut)
		}
	}
}

func printDuplicates(w *tabwriter.Writer, d *eval.Duplicates) {
	if d == nil {
		return
	}
	block(w, "COPIES OF ONE PHOTO")
	row(w, "found", "%s", percent(d.Found))
	row(w, "other pairs taken for copies", "%s", percent(d.False))
}
