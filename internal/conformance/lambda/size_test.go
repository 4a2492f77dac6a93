package lambda_test

import (
	"debug/buildinfo"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A new module in the bootstrap makes every start slower, so it must be added here on
// purpose.
func TestBootstrapModules(t *testing.T) {
	t.Parallel()
	info, err := buildinfo.ReadFile(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	var others []string
	for _, module := range info.Deps {
		if !strings.HasPrefix(module.Path, "github.com/incidentbridge/") {
			others = append(others, module.Path)
		}
	}
	want := []string{
		"github.com/PagerDuty/go-pagerduty",
		"github.com/aws/aws-lambda-go",
		"github.com/aws/aws-sdk-go-v2",
		"github.com/aws/aws-sdk-go-v2/config",
		"github.com/aws/aws-sdk-go-v2/credentials",
		"github.com/aws/aws-sdk-go-v2/feature/ec2/imds",
		"github.com/aws/aws-sdk-go-v2/internal/configsources",
		"github.com/aws/aws-sdk-go-v2/internal/endpoints/v2",
		"github.com/aws/aws-sdk-go-v2/internal/v4a",
		"github.com/aws/aws-sdk-go-v2/service/dynamodb",
		"github.com/aws/aws-sdk-go-v2/service/internal/accept-encoding",
		"github.com/aws/aws-sdk-go-v2/service/internal/endpoint-discovery",
		"github.com/aws/aws-sdk-go-v2/service/internal/presigned-url",
		"github.com/aws/aws-sdk-go-v2/service/secretsmanager",
		"github.com/aws/aws-sdk-go-v2/service/signin",
		"github.com/aws/aws-sdk-go-v2/service/ssm",
		"github.com/aws/aws-sdk-go-v2/service/sso",
		"github.com/aws/aws-sdk-go-v2/service/ssooidc",
		"github.com/aws/aws-sdk-go-v2/service/sts",
		"github.com/aws/smithy-go",
		"github.com/caarlos0/env/v11",
		"github.com/google/go-querystring",
		"github.com/hashicorp/go-cleanhttp",
		"github.com/hashicorp/go-retryablehttp",
		"golang.org/x/oauth2",
	}
	if diff := cmp.Diff(want, others); diff != "" {
		t.Errorf("modules (-want +got):\n%s", diff)
	}
}

func TestBootstrapSize(t *testing.T) {
	t.Parallel()
	const most = 20_000_000
	info, err := os.Stat(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > most {
		t.Errorf("%d bytes, want at most %d", info.Size(), most)
	}
}
