package photo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// varied makes photo i of a set that lacks nothing.
func varied(i int, m *photo.Measures) {
	m.Face.Yaw = []float64{0, -25, 5, 25, -3, -20, 20, 0, 3, 42}[i%10]
	m.Quality.MouthOpen = []float64{0, 0.1, 0.3}[i%3]
	m.Quality.MouthWidth = []float64{0.7, 0.95, 0.8}[i%3]
	m.Quality.Skin = []float64{150, 150, 205, 150}[i%4]
	m.Quality.SideLight = []float64{0.2, 0, 0.1, 0, 1.3}[i%5]
	m.Quality.FaceShare = []float64{0.35, 0.3, 0.55, 0.4, 0.2}[i%5]
	m.Quality.Background.Histogram[0] = 0
	m.Quality.Background.Histogram[i%5] = 1
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	blurred := persona.NewFinding(persona.PhotoBlurred, true, "")
	for name, c := range map[string]struct {
		members []photo.Member
		want    []string
	}{
		"nothing to say of a good set": {members: plainMembers(12, varied)},
		"a good set that is small": {
			members: plainMembers(9, varied), want: []string{"Add one more photo; 10 to 20 are best."},
		},
		"one aspect is missing": {
			members: plainMembers(12, func(i int, m *photo.Measures) { varied(i, m); m.Quality.MouthOpen, m.Quality.MouthWidth = 0, 0.7 }),
			want:    []string{"Add two photos with a smile."},
		},
		"always from one side": {
			members: plainMembers(12, func(i int, m *photo.Measures) { varied(i, m); m.Face.Yaw = max(m.Face.Yaw, -m.Face.Yaw) }),
			want:    []string{"Add two photos with the head half turned to the left of the picture."},
		},
		"always in one place": {
			members: plainMembers(12, func(i int, m *photo.Measures) {
				varied(i, m)
				m.Quality.Background = photo.Background{Histogram: [27]float32{3: 1}}
			}),
			want: []string{"All photos have the same background: add some from other places."},
		},
		"all alike": {
			members: plainMembers(10, nil),
			want: []string{
				"All photos have the same background: add some from other places.",
				"Add two photos with the head half turned to the left of the picture.",
				"Add two photos with a smile.",
				"Add a photo with light from one side, for example beside a window.",
				"Add a photo taken closer, with the face filling half of the picture.",
			},
		},
		"too few, for one reason": {
			members: func() []photo.Member {
				all := plainMembers(6, varied)
				for i := 2; i < 6; i++ {
					all[i].Accepted, all[i].Measures.Findings = false, []persona.Finding{blurred}
				}
				return all
			}(),
			want: []string{
				"Add at least three more good photos; 5 are needed, and 10 to 20 are best.",
				"Four photos have the same fault. " + blurred.Do,
				"Add two photos from the front.",
				"Add a photo with a serious face and closed mouth.",
				"The photos have only two different backgrounds: add some from other places.",
			},
		},
	} {
		advice := photo.NewJudge(smallPolicy(), nil).Set(c.members, 20).Report.Advice
		require.Equal(t, c.want, advice, name)
	}
}
