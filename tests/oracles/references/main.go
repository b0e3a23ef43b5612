// Command references-oracle answers with Go's own template engine and go-containerregistry's own parser of references: what the
// Operator and the push client are made of.
package main

import (
	"bytes"
	"encoding/json"
	"os"
	"text/template"

	"github.com/google/go-containerregistry/pkg/name"
)

type question struct {
	Template string
	Values   map[string]string
	Host     string
}

type answer struct {
	// Rendered is the template's result; Fault why there is none.
	Rendered string `json:"rendered"`
	Fault    string `json:"fault"`
	// Reference is why host, slash and result are no reference; Repository and Tag are its parts.
	Reference  string `json:"reference"`
	Repository string `json:"repository"`
	Tag        string `json:"tag"`
}

func main() {
	var questions []question
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		panic(err)
	}
	answers := make([]answer, 0, len(questions))
	for _, asked := range questions {
		answers = append(answers, judge(asked))
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		panic(err)
	}
}

func judge(asked question) answer {
	parsed, err := template.New("").Option("missingkey=error").Parse(asked.Template)
	if err != nil {
		return answer{Fault: err.Error()}
	}
	var rendered bytes.Buffer
	if err := parsed.Execute(&rendered, asked.Values); err != nil {
		return answer{Fault: err.Error()}
	}
	given := answer{Rendered: rendered.String()}
	reference, err := name.NewTag(asked.Host+"/"+given.Rendered, name.WithDefaultTag("none"))
	if err != nil {
		given.Reference = err.Error()
		return given
	}
	given.Repository, given.Tag = reference.RepositoryStr(), reference.TagStr()
	return given
}
