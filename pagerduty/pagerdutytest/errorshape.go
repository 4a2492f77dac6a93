package pagerdutytest

// ErrorShape is one of the shapes that PagerDuty's error bodies have been seen in.
type ErrorShape int

// The shapes. The last three leave the code out.
const (
	ErrorsList   ErrorShape = iota // {"error":{"message","code","errors":["...",...]}}, the ordinary one
	ErrorsText                     // "errors" is a string
	ErrorsObject                   // "errors" is an object of path to strings
	ErrorList                      // "error" is a list of strings
	ErrorText                      // "error" is a string
	ErrorHTML                      // a page of a proxy in front of PagerDuty
)

// ErrorShapes returns all shapes, for a test of each. In all of them a refusal without
// reasons has no "errors".
func ErrorShapes() []ErrorShape {
	return []ErrorShape{ErrorsList, ErrorsText, ErrorsObject, ErrorList, ErrorText, ErrorHTML}
}

// WithErrorShape sets the shape of all error bodies of the API.
func WithErrorShape(shape ErrorShape) Option { return func(s *Server) { s.shape = shape } }

// refusal is the content of an error body.
type refusal struct {
	code    int
	message string
	reasons []string
}

func (r *refusal) body(shape ErrorShape) string {
	inner := map[string]any{"message": r.message, "code": r.code}
	if len(r.reasons) > 0 {
		inner["errors"] = r.reasons
	}
	switch shape {
	case ErrorsText:
		if len(r.reasons) > 0 {
			inner["errors"] = r.reasons[0]
		}
	case ErrorsObject:
		if len(r.reasons) > 0 {
			inner["errors"] = map[string][]string{"incident": r.reasons}
		}
	case ErrorList:
		return string(encode(map[string]any{"error": append([]string{r.message}, r.reasons...)}))
	case ErrorText:
		return string(encode(map[string]any{"error": r.message}))
	case ErrorHTML:
		return HTMLPage
	case ErrorsList:
	}
	return string(encode(map[string]any{"error": inner}))
}

// ErrorBody returns an error body in PagerDuty's ordinary shape, for Answer and Mask.
// Without reasons it has no "errors", as that of a 429.
func ErrorBody(code int, message string, reasons ...string) string {
	return (&refusal{code, message, reasons}).body(ErrorsList)
}

// refuse returns an API error.
func refuse(status, code int, message string, reasons ...string) answer {
	return answer{status: status, refusal: &refusal{code, message, reasons}}
}

func invalidInput(reason string) answer { return refuse(400, 2001, "Invalid Input Provided", reason) }
