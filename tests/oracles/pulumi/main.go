// Answers questions about Pulumi's own formats with Pulumi's own code: one JSON object on stdin, one on stdout.
// It judges what the Python engine writes; nothing here is shared with the engine.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/encoding"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/gitutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

type question struct {
	Ask        string          `json:"ask"`
	Passphrase string          `json:"passphrase"`
	Salt       []byte          `json:"salt"`
	Texts      []string        `json:"texts"`
	Checkpoint json.RawMessage `json:"checkpoint"`
	Project    string          `json:"project"`
	Stacks     []string        `json:"stacks"`
}

type stackAnswer struct {
	Error      string            `json:"error,omitempty"`
	Values     map[string]string `json:"values,omitempty"`
	SecretKeys []string          `json:"secretKeys,omitempty"`
	Salt       string            `json:"salt,omitempty"`
}

func main() {
	var q question
	err := json.NewDecoder(os.Stdin).Decode(&q)
	var answer any
	if err == nil {
		answer, err = answerTo(q)
	}
	if err != nil {
		answer = map[string]string{"error": err.Error()}
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	if err := out.Encode(answer); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answerTo(q question) (any, error) {
	switch q.Ask {
	case "schemas":
		return map[string]string{
			apitype.DeploymentSchemaID:    apitype.DeploymentSchema(),
			apitype.ResourceSchemaID:      apitype.ResourceSchema(),
			apitype.PropertyValueSchemaID: apitype.PropertyValueSchema(),
		}, nil
	case "resource-fields":
		return fields(reflect.TypeOf(apitype.ResourceV3{})), nil
	case "history":
		// As a file backend writes it: the type of the service but for the configuration, which is as in a stack file.
		var info struct {
			apitype.UpdateInfo
			Config config.Map `json:"config"`
		}
		return info, strict(q.Checkpoint, &info)
	case "encrypt", "decrypt":
		return crypt(q)
	case "checkpoint":
		return checkpoint(q.Checkpoint)
	case "stacks":
		return stacks(q)
	case "git-urls":
		return gitURLs(q.Texts), nil
	}
	return nil, fmt.Errorf("unknown question %q", q.Ask)
}

func fields(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// gitURLs tells what Pulumi and its Kubernetes operator take for the repository in each URL; "" where they refuse it.
func gitURLs(urls []string) []string {
	repositories := make([]string, len(urls))
	for i, url := range urls {
		if repository, _, err := gitutil.ParseGitRepoURL(url); err == nil {
			repositories[i] = repository
		}
	}
	return repositories
}

func crypt(q question) (any, error) {
	crypter := config.NewSymmetricCrypterFromPassphrase(q.Passphrase, q.Salt)
	var results []string
	for _, text := range q.Texts {
		do := crypter.DecryptValue
		if q.Ask == "encrypt" {
			do = crypter.EncryptValue
		}
		result, err := do(context.Background(), text)
		if err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	return results, nil
}

func strict(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// checkpoint reads a checkpoint as the CLI does, refusing whatever Pulumi's types do not have, and writes it again.
func checkpoint(data []byte) (any, error) {
	var envelope apitype.VersionedCheckpoint
	if err := strict(data, &envelope); err != nil {
		return nil, err
	}
	var inner apitype.CheckpointV3
	if err := strict(envelope.Checkpoint, &inner); err != nil {
		return nil, err
	}
	if inner.Latest != nil && inner.Latest.Manifest.Magic != inner.Latest.Manifest.NewMagic() {
		return nil, fmt.Errorf("magic cookie mismatch")
	}
	latest, err := inner.Latest.NormalizeURNReferences()
	if err != nil {
		return nil, err
	}
	inner.Latest = latest
	return map[string]any{"version": envelope.Version, "checkpoint": inner}, nil
}

func stacks(q question) (any, error) {
	project, err := workspace.LoadProjectBytes([]byte(q.Project), "Pulumi.yaml", encoding.YAML)
	if err != nil {
		return nil, err
	}
	var decrypter config.Decrypter = config.Base64Crypter
	if len(q.Salt) > 0 {
		decrypter = config.NewSymmetricCrypterFromPassphrase(q.Passphrase, q.Salt)
	}
	answers := make([]stackAnswer, len(q.Stacks))
	for i, text := range q.Stacks {
		answers[i] = stack(project, text, decrypter)
	}
	return answers, nil
}

func stack(project *workspace.Project, text string, decrypter config.Decrypter) (answer stackAnswer) {
	defer func() {
		if reason := recover(); reason != nil {
			answer = stackAnswer{Error: fmt.Sprint(reason)}
		}
	}()
	loaded, err := workspace.LoadProjectStackBytes(nil, project, []byte(text), "Pulumi.dev.yaml", encoding.YAML)
	if err != nil {
		return stackAnswer{Error: err.Error()}
	}
	values, err := loaded.Config.Decrypt(decrypter)
	if err != nil {
		return stackAnswer{Error: err.Error()}
	}
	answer = stackAnswer{Values: map[string]string{}, Salt: loaded.EncryptionSalt}
	for key, value := range values {
		answer.Values[key.String()] = value
	}
	for _, key := range loaded.Config.SecureKeys() {
		answer.SecretKeys = append(answer.SecretKeys, key.String())
	}
	return answer
}
