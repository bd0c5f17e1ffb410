// Package eval measures the judge of photos on labelled photos: how many faces it finds, how exactly, how well it
// distinguishes people, and how well each of its findings separates the photos that deserve it from the others.
//
// Labels are a CSV file beside the photos. Everything is computed from the photos' Measures; no pixel is kept.
package eval
