package tokenstore

import (
	"context"
	"fmt"
)

// AEAD encrypts a value so that it can be decrypted only together with the associated
// data it was encrypted with. [ParseKeyring] makes one. Its method set is that of Tink's
// AEAD, so a keyset guarded by a key management service fits too.
//
// The associated data is not part of the ciphertext. Both methods may be called by any
// number of goroutines, keep nothing of their arguments, and put nothing of them into an
// error. They take no context: an implementation that calls a service limits the call
// itself.
type AEAD interface {
	Encrypt(plaintext, associatedData []byte) (ciphertext []byte, err error)
	Decrypt(ciphertext, associatedData []byte) (plaintext []byte, err error)
}

// Sealed returns a [Store] that keeps its records in store, with every value encrypted.
// Keys, versions, times and the length of a value stay plain, since store works with
// them. Do not use store directly for anything else. There is nothing to close.
//
// The record's key is the associated data, so a value can be decrypted only where it was
// written: not in another record, such as that of another installation. Encryption does
// not detect that somebody with write access to the database put back an older value of
// the same record, or deleted it.
//
// When a value cannot be decrypted (its key is missing; it is damaged, was moved, or was
// never encrypted) Get returns an error that matches [ErrUnreadable], wraps that of keys,
// and holds nothing of the value. It also returns the version and the times of the
// record, so that a caller can write over it. The record is left unchanged.
func Sealed(store Store, keys AEAD) (Store, error) {
	if store == nil || keys == nil {
		return nil, fmt.Errorf("%w: a sealed store needs a store and keys", ErrInvalid)
	}
	return Checked(&sealed{Store: store, keys: keys}), nil
}

// sealed passes Delete and Due through.
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
		return r, fmt.Errorf("record %q: %w: %w", key, ErrUnreadable, err)
	}
	return r, nil
}

func (s *sealed) Put(ctx context.Context, key string, r Record) (string, error) {
	var err error
	r.Value, err = s.keys.Encrypt(r.Value, []byte(key))
	if err != nil {
		return "", fmt.Errorf("tokenstore: record %q: encrypt the value, nothing was written: %w", key, err)
	}
	return s.Store.Put(ctx, key, r)
}
