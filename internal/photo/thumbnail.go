package photo

import "image"

// Thumbnail is the upright photo, reduced so that its longer side is at most side pixels, 16 or more; scale is the
// number of pixels of the photo for each of its own. It is for display. It is nil if the photo was not decoded.
func (j *Judgement) Thumbnail(side int) (small *image.RGBA, scale float64) {
	if j.pic == nil {
		return nil, 0
	}
	w, h := float64(j.Width), float64(j.Height)
	scale = max(1, max(w, h)/float64(max(side, 16)))
	t := j.pic.tile(Point{}, Point{w, h}, int(scale))
	defer t.release()
	m := affine{scale, 0, 0, 0, scale, 0}
	return t.draw(m, max(1, int(w/scale)), max(1, int(h/scale))), scale
}
