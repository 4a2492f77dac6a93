package tokenstore

import (
	"context"
	"fmt"
)

// AEAD encrypts a value so that it can be opened only beside the associated data it was sealed with. [ParseKeyring] makes
// one. Its method set is that of Tink's AEAD, so that a keyset which a key management service guards fits too.
//
// The associated data is not part of the ciphertext. Both methods may be called by any number of goroutines, and neither
// keeps what it is given or tells of it in an error. They have no context: one that calls a service bounds the call itself.
type AEAD interface {
	Encrypt(plaintext, associatedData []byte) (ciphertext []byte, err error)
	Decrypt(ciphertext, associatedData []byte) (plaintext []byte, err error)
}

// Sealed returns a [Store] that encrypts every value on its way into store. Keys, versions and times stay plain, since store
// works with them, and so does the length of a value. It closes nothing; use store directly for nothing else.
//
// The record's key is the associated data, so a value is good only where it was written: moved to another record, another
// installation's among them, it cannot be opened. What no seal can tell is that somebody who may write to the database put
// back an older value of the same record, or deleted it.
//
// Where a value cannot be opened (the key that sealed it is missing, it is damaged, was moved, or was never sealed) Get
// returns an error that matches [ErrUnreadable], wraps that of keys, and holds nothing of the value. Beside it stand
// the version and the times of the record, for whoever wants to write over it. The record is left untouched.
func Sealed(store Store, keys AEAD) (Store, error) {
	if store == nil || keys == nil {
		return nil, fmt.Errorf("%w: a sealed store needs a store and keys", ErrInvalid)
	}
	return &sealed{Store: store, keys: keys}, nil
}

// sealed leaves Delete and Due as they are.
type sealed struct {
	Store

	keys AEAD
}

func (s *sealed) Get(ctx context.Context, key string) (Record, error) {
	r, err := s.Store.Get(ctx, key)
	if err != nil {
		return Record{}, err
	}
	r.Value, err = s.keys.Decrypt(r.Value, []byte(key))
	if err != nil {
		r.Value = nil
		return r, fmt.Errorf("tokenstore: record %q: %w: %w", key, ErrUnreadable, err)
	}
	return r, nil
}

func (s *sealed) Put(ctx context.Context, key string, r Record) (string, error) {
	r, err := r.Normalize()
	if err != nil {
		return "", err
	}
	r.Value, err = s.keys.Encrypt(r.Value, []byte(key))
	if err != nil {
		return "", fmt.Errorf("tokenstore: record %q: seal the value, nothing was written: %w", key, err)
	}
	return s.Store.Put(ctx, key, r)
}
