package authcode

import (
	"context"

	"golang.org/x/oauth2"
)

// StaticToken is a token source that always returns the same token. It is a function
// because fmt prints the content of a struct, but not that of a closure.
type StaticToken func() *oauth2.Token

// NewStaticToken returns a source of token.
func NewStaticToken(token *oauth2.Token) StaticToken {
	return func() *oauth2.Token { return token }
}

// Token returns the token.
func (s StaticToken) Token(context.Context) (*oauth2.Token, error) { return s(), nil }
