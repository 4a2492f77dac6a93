package lambda_test

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"go.yaml.in/yaml/v3"
)

// stack is the template with its parameters.
type stack struct {
	t          *testing.T
	names      map[string]string // of parameters, resources and pseudo parameters
	conditions map[string]yaml.Node
}

// newStack evaluates the template. A parameter without a value or default fails the test,
// as it would fail at AWS.
func newStack(t *testing.T, parameters map[string]string) (s *stack, variables map[string]yaml.Node) {
	t.Helper()
	text, err := os.ReadFile(templateFile)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Parameters map[string]struct {
			Default *string `yaml:"Default"`
		} `yaml:"Parameters"`
		Conditions map[string]yaml.Node `yaml:"Conditions"`
		Resources  struct {
			Function struct {
				Properties struct {
					Environment struct {
						Variables map[string]yaml.Node `yaml:"Variables"`
					} `yaml:"Environment"`
				} `yaml:"Properties"`
			} `yaml:"Function"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	s = &stack{t: t, conditions: file.Conditions, names: map[string]string{
		"Api": "abcdefg", "Table": "table", "AWS::Region": "us-east-1", "AWS::URLSuffix": "amazonaws.com",
	}}
	for name, parameter := range file.Parameters {
		value, given := parameters[name]
		if !given {
			if parameter.Default == nil {
				t.Fatalf("parameter %s has no value", name)
			}
			value = *parameter.Default
		}
		s.names[name] = value
	}
	return s, file.Resources.Function.Properties.Environment.Variables
}

// templateEnvironment returns the function's environment. Lambda leaves out empty
// variables.
func templateEnvironment(t *testing.T, parameters map[string]string) map[string]string {
	t.Helper()
	s, variables := newStack(t, parameters)
	values := map[string]string{}
	for name, node := range variables {
		if value := s.value(&node); value != "" {
			values[name] = value
		}
	}
	return values
}

// value evaluates a string or an intrinsic function of CloudFormation.
func (s *stack) value(node *yaml.Node) string {
	switch node.Tag {
	case "!Ref":
		return s.name(node.Value)
	case "!Sub":
		return regexp.MustCompile(`\$\{([^}]+)\}`).ReplaceAllStringFunc(node.Value, func(reference string) string {
			return s.name(reference[2 : len(reference)-1])
		})
	case "!If":
		condition := s.conditions[node.Content[0].Value]
		if s.holds(&condition) {
			return s.value(node.Content[1])
		}
		return s.value(node.Content[2])
	}
	return node.Value
}

func (s *stack) name(name string) string {
	value, ok := s.names[name]
	if !ok {
		s.t.Fatalf("unknown name %s", name)
	}
	return value
}

// holds reports whether a condition is true.
func (s *stack) holds(node *yaml.Node) bool {
	switch node.Tag {
	case "!Equals":
		return s.value(node.Content[0]) == s.value(node.Content[1])
	case "!Not":
		return !s.holds(node.Content[0])
	}
	panic(fmt.Sprintf("unknown condition %s", node.Tag))
}
