package localtrainer_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/localtrainer"
)

func TestKeysWithSinglePermissions(t *testing.T) {
	t.Parallel()
	all := []localtrainer.Permission{
		localtrainer.PermitSubmit, localtrainer.PermitRead, localtrainer.PermitCancel, localtrainer.PermitAdmin,
	}
	keys := map[string][]localtrainer.Permission{"none:": nil}
	for _, p := range all {
		keys[string(p)+":x"] = []localtrainer.Permission{p}
	}
	r := start(t, localtrainer.Options{Key: key, Keys: keys})
	for _, c := range []struct {
		method, path string
		need         localtrainer.Permission
	}{
		{"POST", images, localtrainer.PermitSubmit},
		{"POST", training, localtrainer.PermitSubmit},
		{"POST", "/storage/upload/initiate", localtrainer.PermitSubmit},
		{"POST", "/storage/upload/initiate-multipart", localtrainer.PermitSubmit},
		{"POST", "/storage/auth/token", localtrainer.PermitSubmit},
		{"GET", images + "/requests/x/status", localtrainer.PermitRead},
		{"GET", images + "/requests/x/status/stream", localtrainer.PermitRead},
		{"GET", images + "/requests/x", localtrainer.PermitRead},
		{"GET", "/v1/models/pricing", localtrainer.PermitRead},
		{"GET", "/v1/models/requests/by-endpoint?endpoint_id=x", localtrainer.PermitRead},
		{"GET", "/v1/models/requests/search", localtrainer.PermitRead},
		{"PUT", images + "/requests/x/cancel", localtrainer.PermitCancel},
		{"GET", "/v1/models/billing-events", localtrainer.PermitAdmin},
		{"DELETE", "/v1/models/requests/x/payloads", localtrainer.PermitAdmin},
		{"PUT", "/v1/storage/files/acl?url=x", localtrainer.PermitAdmin},
	} {
		for given, permissions := range keys {
			a := r.do(c.method, c.path, "{}", "Authorization", "Key "+given)
			permitted := slices.Contains(permissions, c.need)
			require.Equal(t, !permitted, a.code == http.StatusForbidden, "%s %s with %s: %d", c.method, c.path, given, a.code)
			if !permitted && strings.HasPrefix(c.path, "/v1/") {
				require.Equal(t, "authorization_error", a.body["error"].(map[string]any)["type"])
			} else if !permitted {
				require.NotEmpty(t, a.text("detail"))
			}
		}
		require.NotContains(t, []int{http.StatusForbidden, http.StatusUnauthorized}, r.do(c.method, c.path, "{}").code, "the full key")
	}
	require.Equal(t, http.StatusUnauthorized, r.do("POST", images, "{}", "Authorization", "Key other").code)
}

func TestParsePermissions(t *testing.T) {
	t.Parallel()
	got, err := localtrainer.ParsePermissions("submit, cancel")
	require.NoError(t, err)
	require.Equal(t, []localtrainer.Permission{localtrainer.PermitSubmit, localtrainer.PermitCancel}, got)
	for _, bad := range []string{"", "write", "submit,", "Submit"} {
		_, err := localtrainer.ParsePermissions(bad)
		require.Error(t, err, bad)
	}
}
