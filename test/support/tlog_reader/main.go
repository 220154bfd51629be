// Command tlogreader checks Bursar's tree heads and proofs with libraries that Bursar does not use: golang.org/x/mod/sumdb and
// github.com/transparency-dev/merkle. It reads one JSON document from stdin and writes one problem per check, or "".
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type head struct {
	Size int64  `json:"size"`
	Root []byte `json:"root"`
}

type request struct {
	VerifierKey string   `json:"verifier_key"`
	Notes       []string `json:"notes"`
	Inclusions  []struct {
		Entry []byte   `json:"entry"`
		Index int64    `json:"index"`
		Head  head     `json:"head"`
		Proof [][]byte `json:"proof"`
	} `json:"inclusions"`
	Consistencies []struct {
		Old   head     `json:"old"`
		New   head     `json:"new"`
		Proof [][]byte `json:"proof"`
	} `json:"consistencies"`
}

type answer struct {
	Heads         []head   `json:"heads"`
	Notes         []string `json:"notes"`
	Inclusions    []string `json:"inclusions"`
	Consistencies []string `json:"consistencies"`
}

func main() {
	var in request
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	out := answer{Heads: []head{}, Notes: []string{}, Inclusions: []string{}, Consistencies: []string{}}
	for _, text := range in.Notes {
		read, err := openNote(text, in.VerifierKey)
		out.Heads = append(out.Heads, read)
		out.Notes = append(out.Notes, problem(err))
	}
	for _, c := range in.Inclusions {
		leaf := rfc6962.DefaultHasher.HashLeaf(c.Entry)
		err := errors.Join(
			proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(c.Index), uint64(c.Head.Size), leaf, c.Proof, c.Head.Root),
			tlog.CheckRecord(hashes(c.Proof), c.Head.Size, hash(c.Head.Root), c.Index, tlog.RecordHash(c.Entry)),
		)
		out.Inclusions = append(out.Inclusions, problem(err))
	}
	for _, c := range in.Consistencies {
		err := errors.Join(
			proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(c.Old.Size), uint64(c.New.Size), c.Proof, c.Old.Root, c.New.Root),
			tlog.CheckTree(hashes(c.Proof), c.New.Size, hash(c.New.Root), c.Old.Size, hash(c.Old.Root)),
		)
		out.Consistencies = append(out.Consistencies, problem(err))
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		os.Exit(1)
	}
}

// openNote verifies the signature and reads the three lines of a C2SP checkpoint. tlog.ParseTree is not used: it accepts the one
// origin "go.sum database tree".
func openNote(text, key string) (head, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return head{}, err
	}
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return head{}, err
	}
	var origin, root string
	var size int64
	if _, err := fmt.Sscanf(opened.Text, "%s\n%d\n%s\n", &origin, &size, &root); err != nil {
		return head{}, err
	}
	if origin != verifier.Name() {
		return head{}, fmt.Errorf("origin %q, key %q", origin, verifier.Name())
	}
	parsed, err := tlog.ParseHash(root)
	return head{Size: size, Root: parsed[:]}, err
}

func hash(b []byte) (h tlog.Hash) {
	copy(h[:], b)
	return h
}

func hashes(list [][]byte) []tlog.Hash {
	out := []tlog.Hash{}
	for _, b := range list {
		out = append(out, hash(b))
	}
	return out
}

func problem(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
