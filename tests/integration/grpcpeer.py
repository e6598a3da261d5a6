"""A server of gRPC (grpcio) for tests: grpcpeer.py DESCRIPTORS [KEY CHAIN] serves pelt.peer.Peer of grpcpeer.proto, prints its
port, and, once it is told to end, how many calls of which method it began and which deadlines it was told."""
import json
import signal
import sys
import time
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

pool = descriptor_pool.DescriptorPool()
with open(sys.argv[1], "rb") as file:
    for descriptor in descriptor_pb2.FileDescriptorSet.FromString(file.read()).file:
        pool.Add(descriptor)
SERVICE = pool.FindServiceByName("pelt.peer.Peer")
factory = message_factory.MessageFactory(pool)
counted, deadlines = {}, []


def begin(name, context):
    counted[name] = counted.get(name, 0) + 1
    metadata = dict(context.invocation_metadata())
    left = context.time_remaining()
    if left is not None and left < 1e6:
        deadlines.append(round(left, 1))
    if "status" in metadata:
        code = next(c for c in grpc.StatusCode if c.value[0] == int(metadata["status"]))
        context.abort(code, metadata.get("words", ""))
    context.send_initial_metadata((("seen", metadata.get("x-user", "")),))
    context.set_trailing_metadata((("behind", "it"),))


def say(request, context):
    begin("Say", context)
    time.sleep(request.sleep_ms / 1000)
    if request.length:
        request.text = "x" * request.length
    return request


def echo(request, context):
    begin("Echo", context)
    return request


def count(request, context):
    begin("Count", context)
    number = kind(SERVICE.methods_by_name["Count"].output_type)
    for value in range(getattr(request, "from"), request.to + 1):
        yield number(value=value, padding=request.padding)
    if request.status:
        context.abort(next(c for c in grpc.StatusCode if c.value[0] == request.status), "behind them: 100% ü")


def kind(descriptor):
    return factory.GetPrototype(descriptor)


def handler(name, function, make):
    method = SERVICE.methods_by_name[name]
    return make(function, request_deserializer=kind(method.input_type).FromString,
                response_serializer=kind(method.output_type).SerializeToString)


def main():
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("pelt.peer.Peer", {
        "Say": handler("Say", say, grpc.unary_unary_rpc_method_handler),
        "Echo": handler("Echo", echo, grpc.unary_unary_rpc_method_handler),
        "Count": handler("Count", count, grpc.unary_stream_rpc_method_handler),
    })])
    if len(sys.argv) > 2:
        key, chain = (open(path, "rb").read() for path in sys.argv[2:4])
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, chain)]))
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    server.start()
    print(port, flush=True)
    signal.sigwait([signal.SIGTERM])
    server.stop(None).wait()
    print(json.dumps({"counted": counted, "deadlines": deadlines}), flush=True)


main()
