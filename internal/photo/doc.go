// Package photo turns the bytes of a photo into measures and pictures: it inspects files while they stream in, decodes
// them, finds and scores the face, aligns and normalises it, varies it, and compares faces within a set.
//
// It does no I/O and knows no clock. Everything it computes is repeatable: the same bytes give the same result.
package photo
