"""A provider plugin that agrees to everything. It notes its first argument, its name, in the file ``$STARTED``."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2_grpc
from pulumi.runtime.proto import provider_pb2 as pb

# What the programs ask AWS for.
ANSWERS = {
    "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": "123456789012", "arn": "", "id": "", "userId": ""},
    "aws:index/getPartition:getPartition": {"partition": "aws", "dnsSuffix": "amazonaws.com", "id": "aws"},
    "aws:index/getRegion:getRegion": {"region": "eu-west-1", "id": "eu-west-1"},
}


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version=sys.argv[2])

    def CheckConfig(self, request, context):
        return pb.CheckResponse(inputs=request.news)

    def Configure(self, request, context):
        return pb.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request, context):
        return pb.CheckResponse(inputs=request.news)

    def Create(self, request, context):
        return pb.CreateResponse(properties=request.properties)

    def Invoke(self, request, context):
        values = struct_pb2.Struct()
        values.update(ANSWERS[request.tok])
        return pb.InvokeResponse(**{"return": values})

    def Cancel(self, request, context):
        return empty_pb2.Empty()


with Path(os.environ["STARTED"]).open("a") as started:
    started.write(f"{sys.argv[1]}\n")
server = grpc.server(ThreadPoolExecutor(4))
provider_pb2_grpc.add_ResourceProviderServicer_to_server(Plugin(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
server.wait_for_termination()
