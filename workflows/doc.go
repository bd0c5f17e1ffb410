// Package workflows holds one file per workflow: deterministic, nothing but decisions and waiting. What touches the
// world is in package activities; options of activities are in policies.go.
package workflows
