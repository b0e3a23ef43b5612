// Command pulumi-resource-bench is a provider that agrees to everything at once, so that what is measured is the engine.
//
// The one beside it, in Python, does the same. This one is as the clouds' real providers are: a Go program, which costs the
// engine's processors little.
package main

import (
	"context"
	"fmt"
	"log"
	"net"

	pb "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

type provider struct {
	pb.UnimplementedResourceProviderServer
}

func (provider) Handshake(context.Context, *pb.ProviderHandshakeRequest) (*pb.ProviderHandshakeResponse, error) {
	return &pb.ProviderHandshakeResponse{AcceptSecrets: true}, nil
}

func (provider) CheckConfig(_ context.Context, request *pb.CheckRequest) (*pb.CheckResponse, error) {
	return &pb.CheckResponse{Inputs: request.GetNews()}, nil
}

func (provider) DiffConfig(context.Context, *pb.DiffRequest) (*pb.DiffResponse, error) {
	return &pb.DiffResponse{Changes: pb.DiffResponse_DIFF_NONE}, nil
}

func (provider) Configure(context.Context, *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	return &pb.ConfigureResponse{AcceptSecrets: true, SupportsPreview: true}, nil
}

func (provider) Check(_ context.Context, request *pb.CheckRequest) (*pb.CheckResponse, error) {
	return &pb.CheckResponse{Inputs: request.GetNews()}, nil
}

func (provider) Diff(context.Context, *pb.DiffRequest) (*pb.DiffResponse, error) {
	return &pb.DiffResponse{Changes: pb.DiffResponse_DIFF_NONE}, nil
}

func (provider) Create(_ context.Context, request *pb.CreateRequest) (*pb.CreateResponse, error) {
	id := request.GetName()
	if request.GetPreview() {
		id = ""
	}
	return &pb.CreateResponse{Id: id, Properties: request.GetProperties()}, nil
}

func (provider) Delete(context.Context, *pb.DeleteRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (provider) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
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
