package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
)

// Suffixes of variables that name where a value is kept: X_SSM names a parameter of
// Systems Manager, X_SECRETSMANAGER a secret of Secrets Manager or, after a '#', one
// field of a secret in JSON.
const (
	ssmSuffix    = "_SSM"
	secretSuffix = "_SECRETSMANAGER"
)

// maxParameters is the most that one GetParameters takes.
const maxParameters = 10

// requestTimeout limits one request to AWS. The SDK retries it twice, and Lambda gives
// the start of a process ten seconds.
const requestTimeout = 3 * time.Second

// loadAWS reads the SDK's configuration. On Lambda the credentials are in the
// environment, so its default chain ends there and sends no request.
func loadAWS(ctx context.Context) (aws.Config, error) {
	return config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(requestTimeout)))
}

// resolveSecrets sets X to the value that X_SSM or X_SECRETSMANAGER names, for every such
// variable. Without any it neither loads a configuration nor sends a request.
func resolveSecrets(
	ctx context.Context, environ map[string]string, load func(context.Context) (aws.Config, error),
) error {
	parameters, secrets, err := secretNames(environ)
	if err != nil || len(parameters)+len(secrets) == 0 {
		return err
	}
	cfg, err := load(ctx)
	if err != nil {
		return err
	}
	if cfg.Region == "" {
		return &settings.Error{Missing: []string{"AWS_REGION"}}
	}
	values, err := readParameters(ctx, ssm.NewFromConfig(cfg), parameters)
	if err != nil {
		return err
	}
	maps.Copy(environ, values)
	values, err = readSecrets(ctx, secretsmanager.NewFromConfig(cfg), secrets)
	if err != nil {
		return err
	}
	maps.Copy(environ, values)
	return nil
}

// secretNames returns the names of parameters and secrets by the variable X that they are
// the value of.
func secretNames(environ map[string]string) (parameters, secrets map[string]string, err error) {
	parameters, secrets = map[string]string{}, map[string]string{}
	problems := &settings.Error{}
	for _, name := range slices.Sorted(maps.Keys(environ)) {
		variable, names := strings.TrimSuffix(name, ssmSuffix), parameters
		if variable == name {
			variable, names = strings.TrimSuffix(name, secretSuffix), secrets
		}
		switch {
		case variable == name, environ[name] == "", strings.HasPrefix(name, "AWS_"): // AWS_ENDPOINT_URL_SSM is the SDK's
		case environ[variable] != "", parameters[variable] != "", secrets[variable] != "":
			problems.Invalid = append(problems.Invalid, settings.Invalid{Name: name, Why: "is given beside another " + variable})
		default:
			names[variable] = environ[name]
		}
	}
	if len(problems.Invalid) > 0 {
		return nil, nil, problems
	}
	return parameters, secrets, nil
}

// readParameters returns the value of each variable's parameter.
func readParameters(ctx context.Context, client *ssm.Client, names map[string]string) (map[string]string, error) {
	found := map[string]string{}
	for chunk := range slices.Chunk(slices.Compact(slices.Sorted(maps.Values(names))), maxParameters) {
		response, err := client.GetParameters(ctx, &ssm.GetParametersInput{Names: chunk, WithDecryption: aws.Bool(true)})
		if err != nil {
			return nil, fmt.Errorf("read parameters from Systems Manager: %w", withoutMessage(err))
		}
		for _, p := range response.Parameters {
			// AWS returns a version or label apart from the name, and the name for an
			// ARN.
			selector, value := aws.ToString(p.Selector), aws.ToString(p.Value)
			found[aws.ToString(p.Name)+selector] = value
			found[aws.ToString(p.ARN)+selector] = value
		}
	}
	values := map[string]string{}
	problems := &settings.Error{}
	for _, variable := range slices.Sorted(maps.Keys(names)) {
		values[variable] = found[names[variable]]
		if values[variable] == "" {
			problems.Invalid = append(problems.Invalid,
				settings.Invalid{Name: variable + ssmSuffix, Why: "names a parameter that does not exist"})
		}
	}
	if len(problems.Invalid) > 0 {
		return nil, problems
	}
	return values, nil
}

// readSecrets returns the value of each variable's secret.
func readSecrets(
	ctx context.Context, client *secretsmanager.Client, names map[string]string,
) (map[string]string, error) {
	values := map[string]string{}
	for _, variable := range slices.Sorted(maps.Keys(names)) {
		id, field, isField := strings.Cut(names[variable], "#")
		response, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
		if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing {
			return nil, settings.InvalidSetting(variable+secretSuffix, "names a secret that does not exist")
		}
		if err != nil {
			return nil, fmt.Errorf("read %s from Secrets Manager: %w", variable+secretSuffix, withoutMessage(err))
		}
		value := aws.ToString(response.SecretString)
		if isField {
			value, err = jsonField(value, field)
		}
		if err == nil && value == "" {
			err = errors.New("is empty")
		}
		if err != nil {
			return nil, settings.InvalidSetting(variable+secretSuffix, "names a secret that "+err.Error())
		}
		values[variable] = value
	}
	return values, nil
}

// jsonField returns one string of a JSON object. Its errors quote none of the object.
func jsonField(object, name string) (string, error) {
	var fields map[string]any
	if err := json.Unmarshal([]byte(object), &fields); err != nil {
		return "", errors.New("is not a JSON object")
	}
	value, ok := fields[name].(string)
	if !ok {
		return "", errors.New("has no such field with a string")
	}
	return value, nil
}

// withoutMessage reduces an error of an AWS service to its code: the message may quote
// what a variable holds, which may be a secret that was put into the wrong variable.
func withoutMessage(err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return errors.New(api.ErrorCode())
	}
	return err
}
