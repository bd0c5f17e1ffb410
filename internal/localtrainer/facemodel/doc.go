// Package facemodel is the model of the local trainer: a low-rank model of one person's face, fitted to the training
// pictures and sampled for new ones. It stands in for an image model on machines that have none.
//
// It is an active appearance model (Cootes, Edwards and Taylor, 1998). Each picture's face is found, its landmarks are
// moved onto the mean shape, and a mean and a few principal directions are fitted to the shapes and to the textures
// that result. A new picture is a point close to the training pictures in that space, warped to its own shape and
// blended with a drawn stranger. Likeness grows with the scale. A model of photos of two people is a bad one: it mixes
// them.
package facemodel
