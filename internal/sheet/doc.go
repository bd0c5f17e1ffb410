// Package sheet draws contact sheets: small pictures of judged photos with the points found in the face, the scores and the
// verdict.
package sheet
