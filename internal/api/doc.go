// Package api is the HTTP interface: Echo for connections and routing, huma for typed operations and their OpenAPI
// description, one file for each resource. Package upload reads requests with photos, package docs renders /docs.
//
// Handlers decode, call and encode. Rules about a person's data are in internal/persona, decisions that take time in
// workflows. No upload is ever whole in memory or in clear on disk. Nothing that is logged or measured holds a name, an
// address, a token or a query string.
package api
