// Command pulumi-resource-agreeing is a provider plugin of any cloud that agrees to everything at once: what is measured, or
// tested, with it is Pulumi's CLI, the SDK, the program and the state.
//
// Objects of Kubernetes, and resources of AWS, come back with what cluster and cloud add to them: programs read some of it, and the
// size of the state decides how long it takes to write it. Name and version are those of the directory in which the CLI has found the plugin: resource-NAME-vVERSION.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"

	pb "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// Marks an object of a property that is a secret, an output or the like (sdk/go/common/resource/sig).
const special = "4dabf18193072939515e22adb298388d"

type provider struct {
	pb.UnimplementedResourceProviderServer
}

func (provider) Handshake(context.Context, *pb.ProviderHandshakeRequest) (*pb.ProviderHandshakeResponse, error) {
	return &pb.ProviderHandshakeResponse{AcceptSecrets: true}, nil
}

func (provider) GetPluginInfo(context.Context, *emptypb.Empty) (*pb.PluginInfo, error) {
	_, version, _ := strings.Cut(filepath.Base(filepath.Dir(os.Args[0])), "-v")
	return &pb.PluginInfo{Version: version}, nil
}

func (provider) CheckConfig(_ context.Context, request *pb.CheckRequest) (*pb.CheckResponse, error) {
	return &pb.CheckResponse{Inputs: request.GetNews()}, nil
}

func (provider) DiffConfig(_ context.Context, request *pb.DiffRequest) (*pb.DiffResponse, error) {
	return differences(request), nil
}

func (provider) Configure(context.Context, *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	return &pb.ConfigureResponse{AcceptSecrets: true, SupportsPreview: true}, nil
}

func (provider) Check(_ context.Context, request *pb.CheckRequest) (*pb.CheckResponse, error) {
	return &pb.CheckResponse{Inputs: request.GetNews()}, nil
}

func (provider) Diff(_ context.Context, request *pb.DiffRequest) (*pb.DiffResponse, error) {
	return differences(request), nil
}

func differences(request *pb.DiffRequest) *pb.DiffResponse {
	if proto.Equal(request.GetOldInputs(), request.GetNews()) {
		return &pb.DiffResponse{Changes: pb.DiffResponse_DIFF_NONE}
	}
	return &pb.DiffResponse{
		Changes: pb.DiffResponse_DIFF_SOME, DetailedDiff: detailed(request.GetOldInputs(), request.GetNews()), HasDetailedDiff: true,
	}
}

// Which properties differ, without looking into them.
func detailed(old, news *structpb.Struct) map[string]*pb.PropertyDiff {
	found := map[string]*pb.PropertyDiff{}
	for name, value := range news.GetFields() {
		if before, known := old.GetFields()[name]; !known {
			found[name] = &pb.PropertyDiff{Kind: pb.PropertyDiff_ADD, InputDiff: true}
		} else if !proto.Equal(before, value) {
			found[name] = &pb.PropertyDiff{Kind: pb.PropertyDiff_UPDATE, InputDiff: true}
		}
	}
	for name := range old.GetFields() {
		if _, kept := news.GetFields()[name]; !kept {
			found[name] = &pb.PropertyDiff{Kind: pb.PropertyDiff_DELETE, InputDiff: true}
		}
	}
	return found
}

func (provider) Create(_ context.Context, request *pb.CreateRequest) (*pb.CreateResponse, error) {
	if request.GetPreview() {
		return &pb.CreateResponse{Properties: request.GetProperties()}, nil
	}
	return &pb.CreateResponse{Id: request.GetName(), Properties: observed(request.GetType(), request.GetName(), request.GetProperties())}, nil
}

func (provider) Update(_ context.Context, request *pb.UpdateRequest) (*pb.UpdateResponse, error) {
	if request.GetPreview() {
		return &pb.UpdateResponse{Properties: request.GetNews()}, nil
	}
	return &pb.UpdateResponse{Properties: observed(request.GetType(), request.GetName(), request.GetNews())}, nil
}

// What a refresh finds changed: by type and name of a resource the properties that differ, or null for one that is gone. JSON.
const foundVariable = "AGREEING_FOUND"

func (provider) Read(_ context.Context, request *pb.ReadRequest) (*pb.ReadResponse, error) {
	found := map[string]map[string]any{}
	if given := os.Getenv(foundVariable); given != "" {
		if err := json.Unmarshal([]byte(given), &found); err != nil {
			return nil, fmt.Errorf("%s: %w", foundVariable, err)
		}
	}
	changed, listed := found[request.GetType()+"::"+request.GetName()]
	if listed && changed == nil {
		return &pb.ReadResponse{}, nil
	}
	difference, err := structpb.NewStruct(changed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", foundVariable, err)
	}
	inputs, properties := proto.CloneOf(request.GetInputs()), proto.CloneOf(request.GetProperties())
	for name, value := range difference.GetFields() {
		inputs.Fields[name], properties.Fields[name] = value, value
	}
	return &pb.ReadResponse{Id: request.GetId(), Properties: properties, Inputs: inputs}, nil
}

func (provider) Delete(context.Context, *pb.DeleteRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (provider) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

var text = structpb.NewStringValue

const created = "2026-01-01T00:00:00Z"

// A resource as it would be read: with what cluster or cloud add to the inputs.
func observed(kind, name string, inputs *structpb.Struct) *structpb.Struct {
	outputs := proto.CloneOf(inputs)
	switch {
	case strings.HasPrefix(kind, "kubernetes:") && outputs.GetFields()["metadata"].GetStructValue() != nil:
		addMetadata(outputs, name, inputs)
	case strings.HasPrefix(kind, "aws:"):
		fields := outputs.GetFields()
		named := inputs.GetFields()["name"].GetStringValue()
		fields["arn"] = text(arn(kind, named))
		fields["createDate"], fields["uniqueId"] = text(created), text("AROAEXAMPLEEXAMPLE000")
		fields["registryId"], fields["repositoryUrl"] = text("123456789012"), text("123456789012.dkr.ecr.eu-west-1.amazonaws.com/"+named)
		if fields["tags"] != nil {
			fields["tagsAll"] = fields["tags"]
		}
	}
	return outputs
}

func arn(kind, name string) string {
	switch kind {
	case "aws:iam/role:Role":
		return "arn:aws:iam::123456789012:role/" + name
	case "aws:iam/user:User":
		return "arn:aws:iam::123456789012:user/" + name
	case "aws:ecr/repository:Repository":
		return "arn:aws:ecr:eu-west-1:123456789012:repository/" + name
	}
	return fmt.Sprintf("arn:aws:%s:eu-west-1:123456789012:%s", kind, name)
}

func addMetadata(outputs *structpb.Struct, name string, inputs *structpb.Struct) {
	metadata := outputs.GetFields()["metadata"].GetStructValue().GetFields()
	if metadata["name"] == nil {
		metadata["name"] = text(name)
	}
	metadata["uid"] = text("00000000-0000-4000-8000-000000000000")
	metadata["resourceVersion"] = text("1")
	metadata["creationTimestamp"] = text(created)
	metadata["managedFields"] = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{
		structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{
			"apiVersion": outputs.GetFields()["apiVersion"],
			"fieldsType": text("FieldsV1"),
			"fieldsV1":   owned(structpb.NewStructValue(inputs)),
			"manager":    text("pulumi-kubernetes-00000000"),
			"operation":  text("Apply"),
			"time":       text(created),
		}}),
	}})
}

// What server-side apply notes about the owner of each field.
func owned(value *structpb.Value) *structpb.Value {
	fields := map[string]*structpb.Value{}
	switch {
	case value.GetStructValue() != nil && !isSpecial(value.GetStructValue()):
		for name, field := range value.GetStructValue().GetFields() {
			fields["f:"+name] = owned(field)
		}
	case value.GetListValue() != nil:
		for _, item := range value.GetListValue().GetValues() {
			if name := item.GetStructValue().GetFields()["name"]; name != nil {
				fields[fmt.Sprintf("k:{%q:%q}", "name", name.GetStringValue())] = owned(item)
			}
		}
	}
	return structpb.NewStructValue(&structpb.Struct{Fields: fields})
}

func isSpecial(value *structpb.Struct) bool {
	return value.GetFields()[special] != nil
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterResourceProviderServer(server, provider{})
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(server.Serve(listener))
}
