package localtrainer

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
)

// Permission is one thing that a key may be used for. fal's ordinary keys have the first three.
type Permission string

// The permissions of a key.
const (
	PermitSubmit Permission = "submit" // submits and uploads
	PermitRead   Permission = "read"   // status, result, prices and lists of requests
	PermitCancel Permission = "cancel"
	PermitAdmin  Permission = "admin" // payload deletion, file access and billing events
)

const permitAny Permission = "" // any accepted key

var allPermissions = []Permission{PermitSubmit, PermitRead, PermitCancel, PermitAdmin}

// ParsePermissions reads a list such as "submit,read". It fails for a name that is no permission.
func ParsePermissions(list string) ([]Permission, error) {
	var found []Permission
	for name := range strings.SplitSeq(list, ",") {
		p := Permission(strings.TrimSpace(name))
		if !slices.Contains(allPermissions, p) {
			return nil, errors.New("the permissions of a key are submit, read, cancel and admin, separated by commas")
		}
		found = append(found, p)
	}
	return found, nil
}

// requireLoopback refuses other machines unless the server was told to serve them: it serves pictures of people.
func (s *Server) requireLoopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if ip := net.ParseIP(host); !s.o.AllowRemote && (err != nil || ip == nil || !ip.IsLoopback()) {
			refuse(w, http.StatusForbidden, "The local trainer serves this machine only.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// requireKey demands "Authorization: Key <FAL_KEY>", as every authenticated call of fal does, and a permission.
func (s *Server) requireKey(need Permission, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := s.permissions(r); !ok {
			refuse(w, http.StatusUnauthorized, "Authentication is required to access this resource.")
			return
		}
		if s.permit(w, r, need) {
			next(w, r)
		}
	})
}

// permissions returns what the key of a request may be used for. ok is false when the key is not accepted.
func (s *Server) permissions(r *http.Request) (granted []Permission, ok bool) {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Key") || key == "" {
		return nil, false
	}
	if limited, known := s.o.Keys[key]; known {
		return limited, true
	}
	return allPermissions, s.o.Key == "" || key == s.o.Key
}

// permit reports whether the key of a request has a permission. If not, it has answered 403.
func (s *Server) permit(w http.ResponseWriter, r *http.Request, need Permission) bool {
	granted, _ := s.permissions(r)
	if need == permitAny || slices.Contains(granted, need) {
		return true
	}
	deny(w, r)
	return false
}

// deny answers 403 in the form of the interface that was called.
func deny(w http.ResponseWriter, r *http.Request) {
	if isPlatformCall(r) {
		refusePlatform(w, http.StatusForbidden, "authorization_error", "The API key does not have the permission for this operation.")
		return
	}
	refuse(w, http.StatusForbidden, "The API key does not have the permission for this operation.")
}

func isPlatformCall(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v1/") }
