package zoomtest

import (
	"net/http"
	"strconv"
	"strings"
)

// apiWork carries out an operation of the API for the holder of the grant.
type apiWork func(*exchange, *grant) answer

// api handles an operation after the checks that Zoom makes for all of them: the token,
// the limits, the scopes.
func (s *Server) api(pattern, op string, do apiWork) {
	s.fake.Handle(pattern, op, s.tracked(s.limited(op, func(in *exchange) answer {
		access, isBearer := strings.CutPrefix(in.Header.Get("Authorization"), "Bearer ")
		g := s.grantOf(access)
		switch {
		case !isBearer || g == nil || in.URL.Query().Has("access_token"):
			return refuse(401, 124, "Invalid access token.")
		case !in.Now.Before(g.end):
			return refuse(401, 124, "Access token is expired.")
		}
		named := in.PathValue("user")
		if missing := s.lacks(g, op, named != "" && named != "me"); missing != nil {
			return refuse(400, 4711,
				"Invalid access token, does not contain scopes:["+strings.Join(missing, ", ")+"].")
		}
		return do(in, g)
	})))
}

// tracked adds Zoom's tracking id to the answer.
func (s *Server) tracked(do work) work {
	return func(in *exchange) answer {
		out := do(in)
		if out.Header == nil {
			out.Header = http.Header{}
		}
		out.Header.Set("X-Zm-Trackingid", "v=2.0;clid=fake;rid=WEB_"+strconv.Itoa(s.fake.Arrived()))
		return out
	}
}
