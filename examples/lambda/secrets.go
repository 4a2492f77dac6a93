package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
)

// How a variable says that its value is kept elsewhere: X_SSM names a parameter of Systems Manager, X_SECRETSMANAGER a
// secret, or after a '#' one field of a secret in JSON.
const (
	ssmSuffix    = "_SSM"
	secretSuffix = "_SECRETSMANAGER"
)

// parametersAtOnce is the most that Systems Manager takes.
const parametersAtOnce = 10

// resolveSecrets puts into X what X_SSM or X_SECRETSMANAGER names.
func resolveSecrets(ctx context.Context, environ map[string]string) error {
	parameters, secrets := map[string]string{}, map[string]string{}
	problems := &settings.Error{}
	for _, name := range slices.Sorted(maps.Keys(environ)) {
		variable, kept := strings.TrimSuffix(name, ssmSuffix), parameters
		if variable == name {
			variable, kept = strings.TrimSuffix(name, secretSuffix), secrets
		}
		switch {
		case variable == name, environ[name] == "", strings.HasPrefix(name, "AWS_"): // AWS_ENDPOINT_URL_SSM is the SDK's
		case environ[variable] != "", parameters[variable] != "", secrets[variable] != "":
			problems.Invalid = append(problems.Invalid, settings.Invalid{Name: name, Why: "is given beside another " + variable})
		default:
			kept[variable] = environ[name]
		}
	}
	if len(problems.Invalid) > 0 {
		return problems
	}
	if len(parameters)+len(secrets) == 0 {
		return nil
	}
	caller, err := newAWS(environ)
	if err != nil {
		return err
	}
	if err := caller.readParameters(ctx, parameters, environ); err != nil {
		return err
	}
	return caller.readSecrets(ctx, secrets, environ)
}

// readParameters asks for all at once, as far as it may.
func (a *awsCaller) readParameters(ctx context.Context, names, into map[string]string) error {
	wanted := slices.Sorted(maps.Values(names))
	values := map[string]string{}
	for some := range slices.Chunk(slices.Compact(wanted), parametersAtOnce) {
		var found struct {
			Parameters        []struct{ Name, Value string }
			InvalidParameters []string
		}
		ask := map[string]any{"Names": some, "WithDecryption": true}
		if err := a.call(ctx, "ssm", "AmazonSSM.GetParameters", ask, &found); err != nil {
			return err
		}
		if len(found.InvalidParameters) > 0 {
			return fmt.Errorf("there is no parameter %s in Systems Manager", strings.Join(found.InvalidParameters, ", "))
		}
		for _, p := range found.Parameters {
			values[p.Name] = p.Value
		}
	}
	for variable, name := range names {
		if values[name] == "" {
			return fmt.Errorf("systems manager did not answer with parameter %s", name)
		}
		into[variable] = values[name]
	}
	return nil
}

func (a *awsCaller) readSecrets(ctx context.Context, names, into map[string]string) error {
	for _, variable := range slices.Sorted(maps.Keys(names)) {
		id, field, inside := strings.Cut(names[variable], "#")
		var found struct{ SecretString string }
		err := a.call(ctx, "secretsmanager", "secretsmanager.GetSecretValue", map[string]any{"SecretId": id}, &found)
		if err != nil {
			return err
		}
		if inside {
			found.SecretString, err = fieldOf(found.SecretString, field)
		}
		if err == nil && found.SecretString == "" {
			err = errors.New("it is empty")
		}
		if err != nil {
			return fmt.Errorf("secret %s for %s: %w", id, variable, err)
		}
		into[variable] = found.SecretString
	}
	return nil
}

// fieldOf is one text of a JSON object. No error shows any of it.
func fieldOf(object, name string) (string, error) {
	var fields map[string]any
	if err := json.Unmarshal([]byte(object), &fields); err != nil {
		return "", errors.New("it is no JSON object")
	}
	text, ok := fields[name].(string)
	if !ok {
		return "", fmt.Errorf("it has no text %q", name)
	}
	return text, nil
}
