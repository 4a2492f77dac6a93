package specs

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Contract is what a vendor has published of its API, and the differences from it that
// are known. It is safe for concurrent use.
type Contract struct {
	document   *openapi3.T
	router     routers.Router
	options    *openapi3filter.Options
	exceptions []Exception
	refusal    *openapi3.Schema // of errors whose body the document does not describe; may be nil

	mu     sync.Mutex
	needed []bool          // which exceptions were needed
	driven map[string]bool // operations that were answered well
}

// Load reads a vendor's OpenAPI document.
func Load(file string, exceptions ...Exception) (*Contract, error) {
	document, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		return nil, err
	}
	return newContract(document, exceptions)
}

// Parse reads an OpenAPI document from memory.
func Parse(document []byte, exceptions ...Exception) (*Contract, error) {
	parsed, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, err
	}
	return newContract(parsed, exceptions)
}

func newContract(document *openapi3.T, exceptions []Exception) (*Contract, error) {
	// The vendors' examples contradict their own schemas; nothing here reads them.
	if err := document.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		return nil, err
	}
	router, err := gorillamux.NewRouter(document)
	if err != nil {
		return nil, err
	}
	return &Contract{
		document: document,
		router:   router,
		options: &openapi3filter.Options{
			AuthenticationFunc:                hasCredentials,
			IncludeResponseStatus:             true,
			MultiError:                        true,
			RejectWhenRequestBodyNotSpecified: true,
			SkipSettingDefaults:               true,
			SchemaValidationOptions: []openapi3.SchemaValidationOption{
				openapi3.EnableFormatValidation(),
				openapi3.WithStringFormatValidators(formats()),
			},
		},
		exceptions: exceptions,
		needed:     make([]bool, len(exceptions)),
		driven:     make(map[string]bool),
	}, nil
}

// Refusals says what the body of an error looks like where the document leaves it out.
// Call it before the contract is used.
func (c *Contract) Refusals(schema *openapi3.Schema) { c.refusal = schema }

// hasCredentials wants something to be there that may be a credential; whether it is good
// is the fake's business.
func hasCredentials(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	if in.RequestValidationInput.Request.Header.Get("Authorization") == "" {
		return errors.New("nothing authenticates the request")
	}
	return nil
}

// Operations returns all that the document describes, such as "GET /users/{id}", sorted.
func (c *Contract) Operations() []string {
	var names []string
	for path, item := range c.document.Paths.Map() {
		for method := range item.Operations() {
			names = append(names, method+" "+path)
		}
	}
	slices.Sort(names)
	return names
}

// Drove reports whether the operation was ever answered with 2xx.
func (c *Contract) Drove(operation string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.driven[operation]
}

// Unneeded returns the exceptions that nothing has needed so far.
func (c *Contract) Unneeded() []Exception {
	c.mu.Lock()
	defer c.mu.Unlock()
	var idle []Exception
	for i, exception := range c.exceptions {
		if !c.needed[i] {
			idle = append(idle, exception)
		}
	}
	return idle
}

// real keeps the violations that no exception covers.
func (c *Contract) real(found []Violation) []Violation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(found, func(v Violation) bool {
		known := false
		for i, exception := range c.exceptions {
			if exception.covers(v) {
				c.needed[i], known = true, true
			}
		}
		return known
	})
}

func (c *Contract) saw(operation string, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.driven[operation] = c.driven[operation] || status < 300
}

// route finds what the document says of a request; ok is false when it says nothing.
func (c *Contract) route(r *http.Request) (route *routers.Route, in map[string]string, ok bool) {
	route, in, err := c.router.FindRoute(r)
	return route, in, err == nil
}
