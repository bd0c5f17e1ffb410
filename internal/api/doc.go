// Package api is the product's HTTP interface: Echo for the connection, huma for typed operations and their OpenAPI
// description, one file per resource.
//
// Handlers decode, call and encode. A rule about a person's data belongs to internal/persona, a decision that takes
// time to a workflow. Uploads are never whole in memory and never in clear on disk; nothing that is logged or measured
// holds a name, an address, a token or a query string.
package api
