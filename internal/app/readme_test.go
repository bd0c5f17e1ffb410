package app_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"

	_ "github.com/inflio/persona/internal/app" // the drivers
)

// The addresses of S3 stores that the README gives can be opened: the driver refuses parameters that it does not know.
func TestBlobURLsOfTheReadme(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	urls := regexp.MustCompile("`(s3://BUCKET[^`]+)`").FindAllSubmatch(readme, -1)
	require.Len(t, urls, 3)
	more := regexp.MustCompile("`(&request_checksum[^`]+)`").FindSubmatch(readme)
	require.NotNil(t, more)
	for _, url := range urls {
		for _, end := range []string{"", string(more[1])} {
			bucket, err := blob.OpenBucket(t.Context(), string(url[1])+end)
			require.NoError(t, err, "%s%s", url[1], end)
			require.NoError(t, bucket.Close())
		}
	}
}
