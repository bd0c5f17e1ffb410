package photo

// BestQ is the best candidate's confidence by the quick search and by the whole one.
func BestQ(pix []uint8, w, h int) (quick, whole float64) {
	g := plane{pix, w, h}
	border := padding(g)
	padded := g.padded(border)
	return quickSearch(padded, limits(g), border)[0].q, scan(padded, limits(g), border)[0].q
}
