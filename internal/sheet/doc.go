// Package sheet draws contact sheets: small pictures of judged photos with what was seen in them, for people who would
// rather look than read.
package sheet
