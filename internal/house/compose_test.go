package house_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// composeFile has the parts of docker-compose.yml that these tests check; no container engine is needed.
type composeFile struct {
	Services map[string]composeService `yaml:"services"`
	Volumes  map[string]any            `yaml:"volumes"`
}

type composeService struct {
	Image       string            `yaml:"image"`
	Build       any               `yaml:"build"`
	Command     any               `yaml:"command"`
	Restart     string            `yaml:"restart"`
	Environment map[string]string `yaml:"environment"`
	Ports       []string          `yaml:"ports"`
	Volumes     []string          `yaml:"volumes"`
	Healthcheck *struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
	DependsOn map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
}

func compose(t *testing.T) composeFile {
	t.Helper()
	var file composeFile
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "docker-compose.yml")), &file))
	require.NotEmpty(t, file.Services)
	return file
}

func TestComposeHasTheWholeSystem(t *testing.T) {
	t.Parallel()
	services := compose(t).Services
	for _, name := range []string{
		"postgres", "s3", "bucket", "temporal-schema", "temporal", "temporal-namespace", "temporal-ui", "migrate", "api", "worker",
	} {
		assert.Contains(t, services, name)
	}
	for _, role := range []string{"migrate", "api", "worker"} {
		assert.Equal(t, []any{role}, services[role].Command)
		assert.Equal(t, "persona", services[role].Image, "every role uses the same image")
		assert.NotNil(t, services[role].Build, "without build, the image would be pulled from a public registry")
	}
}

func TestComposeStartsInOrder(t *testing.T) {
	t.Parallel()
	services := compose(t).Services
	for name, s := range services {
		for other, need := range s.DependsOn {
			dependency, there := services[other]
			if !assert.Truef(t, there, "%s waits for %s, which is not there", name, other) {
				continue
			}
			switch need.Condition {
			case "service_healthy":
				assert.NotNilf(t, dependency.Healthcheck, "%s waits for %s to be healthy, but that has no health check", name, other)
			case "service_completed_successfully":
				assert.Truef(t, strings.HasPrefix(dependency.Restart, "on-failure"), "%s waits for %s to end, but that is always restarted", name, other)
			default:
				assert.Failf(t, "condition", "%s depends on %s without a condition that is checked here", name, other)
			}
		}
	}
	for _, name := range []string{"api", "worker"} {
		for _, before := range []string{"migrate", "bucket", "temporal-namespace"} {
			assert.Contains(t, services[name].DependsOn, before)
		}
	}
}

func TestComposeIsClosedAndPinned(t *testing.T) {
	t.Parallel()
	file := compose(t)
	for name, s := range file.Services {
		if s.Image != "persona" {
			assert.Regexpf(t, `^[a-z0-9./-]+:\d+\.\d+`, s.Image, "%s: the image has no fixed version", name)
		}
		for _, port := range s.Ports {
			assert.Truef(t, strings.HasPrefix(port, "127.0.0.1:"), "%s publishes %s to other machines", name, port)
		}
		for _, volume := range s.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if strings.HasPrefix(source, ".") {
				_, err := os.Stat(filepath.Join(rootDir(t), filepath.FromSlash(source)))
				assert.NoErrorf(t, err, "%s mounts a file that does not exist", name)
				continue
			}
			assert.Containsf(t, file.Volumes, source, "%s uses a volume that is not declared", name)
		}
		for key, value := range s.Environment {
			secret := regexp.MustCompile(`PASSWORD|SECRET|_PWD$|KEY`).MatchString(key)
			assert.Falsef(t, secret && !strings.Contains(value, "${"), "%s: %s cannot be set by the environment", name, key)
		}
	}
}

var envTag = regexp.MustCompile("`env:\"([A-Z_]+)")

// A variable that no program reads has no effect and no error.
func TestComposeSetsWhatIsRead(t *testing.T) {
	t.Parallel()
	// From the source: importing the app would make this test slow to link.
	var known []string
	for _, name := range goFiles(t) {
		if strings.HasPrefix(name, "internal/app/") {
			for _, tag := range envTag.FindAllStringSubmatch(read(t, name), -1) {
				known = append(known, tag[1])
			}
		}
	}
	require.Contains(t, known, "PERSONA_DATABASE_URL")
	known = append(known, "TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") // the SDKs' own
	services := compose(t).Services
	for _, role := range []string{"migrate", "api", "worker"} {
		for name := range services[role].Environment {
			assert.Containsf(t, known, name, "%s is set for %s, but the program does not read it", name, role)
		}
	}
	for _, needed := range []string{
		"PERSONA_DATABASE_URL", "PERSONA_BLOB_URL", "PERSONA_KEY_URL", "PERSONA_AUTH_SECRET", "PERSONA_PUBLIC_URL", "FAL_KEY",
		"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE",
	} {
		assert.Contains(t, services["api"].Environment, needed)
		assert.Contains(t, services["worker"].Environment, needed)
	}
	assert.Contains(t, services["api"].Environment, "PERSONA_ID_KEY")
	assert.NotContains(t, services["worker"].Environment, "PERSONA_ID_KEY", "only the API makes user ids")
	assert.Contains(t, services["migrate"].Environment, "PERSONA_MIGRATE_URL")
	assert.Contains(t, services["migrate"].Environment, "PERSONA_APP_PASSWORD")
	assert.NotContains(t, services["api"].Environment, "PERSONA_MIGRATE_URL", "the API must not have the password of the tables' owner")
}

// .dockerignore lists the folders of the image; a new one must be added there.
func TestImageHasWhatTheBinaryNeeds(t *testing.T) {
	t.Parallel()
	ignore := strings.Fields(read(t, ".dockerignore"))
	for _, path := range deps(t, "./cmd/persona") {
		rest, ours := strings.CutPrefix(path, module+"/")
		if !ours {
			continue
		}
		top, _, _ := strings.Cut(rest, "/")
		assert.Truef(t, slices.Contains(ignore, "!"+top), "%s is not in the image: .dockerignore excludes %s", path, top)
	}
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(read(t, "go.mod"))
	require.NotNil(t, version)
	assert.Contains(t, read(t, "Dockerfile"), "golang:"+version[1]+"-", "the image is built with the Go of go.mod")
}
