//go:build !linux

package postgres

// OutliveParent does nothing: without a death signal servers outlive a killed process anyhow.
func OutliveParent() {}
