package tokenstore

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	keyLen   = 32 // AES-256
	maxKeyID = 40 // shorter than a key in base64 or hex, so that none ends up as the id in front of every value

	// keyringFormat is the first byte of a value that a keyring encrypted. No text begins
	// with it.
	keyringFormat = "\x01"
)

// ParseKeyring reads AES-256 keys from "id:base64,id:base64": 32 random bytes each, in
// standard base64, as "openssl rand -base64 32" prints them. The first key encrypts, all
// of them decrypt. An id has 1 to 40 printable characters and is stored in front of every
// value that its key encrypted; it must not change. Spaces around an entry are ignored.
//
// To rotate, add the new key behind the others, and once every process has it, move it to
// the front. A record is encrypted anew whenever it is written, so a key may be removed
// when no value that it encrypted will be read again.
//
// Values are encrypted with AES-256-GCM under random nonces of 96 bits, which is good for
// 2^32 writes with one key: thirteen years at ten per second.
//
// An error matches [ErrInvalid] and holds neither keys nor ids. The AEAD prints as
// "[redacted]".
func ParseKeyring(keys string) (AEAD, error) {
	ring := &keyring{keys: make(map[string]cipher.AEAD)}
	for i, entry := range strings.Split(keys, ",") {
		id, encoded, _ := strings.Cut(strings.TrimSpace(entry), ":")
		secret, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(secret) != keyLen || !isKeyID(id) {
			return nil, fmt.Errorf("%w: keyring: entry %d must be id:base64-of-%d-bytes", ErrInvalid, i+1, keyLen)
		}
		if ring.keys[id] != nil {
			return nil, fmt.Errorf("%w: keyring: entry %d has the id of another one", ErrInvalid, i+1)
		}
		if ring.keys[id], err = newGCM(secret); err != nil {
			return nil, fmt.Errorf("tokenstore: keyring: entry %d: %w", i+1, err)
		}
		if i == 0 {
			ring.first = id
		}
	}
	return ring, nil
}

func newGCM(secret []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func isKeyID(id string) bool {
	notInID := func(r rune) bool { return r <= ' ' || r > '~' || r == ',' || r == ':' }
	return len(id) >= 1 && len(id) <= maxKeyID && !strings.ContainsFunc(id, notInID)
}

// keyring holds keys by id. A value that it encrypted is
//
//	1 | id | ":" | nonce, 12 bytes | ciphertext | tag, 16 bytes
//
// and the part before the nonce is associated data too, in front of the caller's.
type keyring struct {
	first string
	keys  map[string]cipher.AEAD
}

var (
	errNotSealed = errors.New("the value is not sealed by a keyring")
	errNotOpened = errors.New("the value was changed, or belongs to another record")
)

func headOf(id string) string { return keyringFormat + id + ":" }

func (k *keyring) Encrypt(plaintext, associatedData []byte) ([]byte, error) {
	head := headOf(k.first)
	//nolint:gosec // G407: no nonce is given, since this kind of AEAD draws it at random
	return k.keys[k.first].Seal([]byte(head), nil, plaintext, append([]byte(head), associatedData...)), nil
}

func (k *keyring) Decrypt(ciphertext, associatedData []byte) ([]byte, error) {
	head, sealed, found := bytes.Cut(ciphertext, []byte(":"))
	id, isOurs := strings.CutPrefix(string(head), keyringFormat)
	if !found || !isOurs || !isKeyID(id) {
		return nil, errNotSealed
	}
	key := k.keys[id]
	if key == nil {
		return nil, fmt.Errorf("the value is sealed with the key %q, which is not in the keyring", id)
	}
	plaintext, err := key.Open(nil, nil, sealed, append([]byte(headOf(id)), associatedData...))
	if err != nil {
		return nil, errNotOpened
	}
	return plaintext, nil
}

// Format prints no key, whatever the verb.
func (k *keyring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }
