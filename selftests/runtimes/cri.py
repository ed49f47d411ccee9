#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What a kubelet asks of a container runtime, through its socket.

	cri.py SOCKET status                      fails unless it is ready
	cri.py SOCKET run NAME                    a pod; prints its id
	cri.py SOCKET addresses POD               prints one a line
	cri.py SOCKET list                        ids of pods
	cri.py SOCKET stop POD                    takes its network away
	cri.py SOCKET remove POD
	cri.py SOCKET start POD COMMAND [ARG...]  a container; prints its id
	cri.py SOCKET exec CONTAINER COMMAND [ARG...]

What the runtime refuses is told on standard error, and the exit status is 1;
that of "exec" is the command's.
"""
import os
import subprocess
import sys

from google.protobuf import descriptor_pb2, message_factory
import grpc

IMAGE = "localhost/pod:latest"
# Emulated machines take their time, and tests stop plugins.
TIMEOUT = 300


def load_messages():
    """The classes of cri.proto, by name."""
    here = os.path.dirname(os.path.realpath(__file__))
    said = subprocess.run(["protoc", "-I", here, "-o", "/dev/stdout",
                           "cri.proto"], stdout=subprocess.PIPE, check=True)
    files = descriptor_pb2.FileDescriptorSet.FromString(said.stdout)
    found = message_factory.GetMessages(files.file)
    return {name.split(".")[-1]: found[name] for name in found}


class Runtime:
    def __init__(self, path):
        self.messages = load_messages()
        self.channel = grpc.insecure_channel(
            "unix://" + path,
            options=[("grpc.default_authority", "localhost")])

    def call(self, name, **fields):
        request = self.messages[name + "Request"](**fields)
        method = self.channel.unary_unary(
            "/runtime.v1.RuntimeService/" + name,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=self.messages[name +
                                                "Response"].FromString)
        return method(request, timeout=TIMEOUT)


def pod_config(name):
    return {"metadata": {"name": name, "uid": name, "namespace": "default"}}


def status(runtime):
    for condition in runtime.call("Status").status.conditions:
        if not condition.status:
            sys.exit(f"{condition.reason}: {condition.message}")


def run(runtime, name):
    print(runtime.call("RunPodSandbox",
                       config=pod_config(name)).pod_sandbox_id)


def addresses(runtime, pod):
    network = runtime.call("PodSandboxStatus",
                           pod_sandbox_id=pod).status.network
    print(network.ip, *(each.ip for each in network.additional_ips), sep="\n")


def list_pods(runtime):
    for pod in runtime.call("ListPodSandbox").items:
        print(pod.id)


def stop(runtime, pod):
    runtime.call("StopPodSandbox", pod_sandbox_id=pod)


def remove(runtime, pod):
    runtime.call("RemovePodSandbox", pod_sandbox_id=pod)


def start(runtime, pod, *command):
    container = runtime.call(
        "CreateContainer", pod_sandbox_id=pod,
        config={"metadata": {"name": "main"}, "image": {"image": IMAGE},
                "command": command},
        sandbox_config=pod_config(pod)).container_id
    runtime.call("StartContainer", container_id=container)
    print(container)


def execute(runtime, container, *command):
    said = runtime.call("ExecSync", container_id=container, cmd=command)
    sys.stdout.buffer.write(said.stdout)
    sys.stderr.buffer.write(said.stderr)
    sys.exit(said.exit_code)


VERBS = {"status": status, "run": run, "addresses": addresses,
         "list": list_pods, "stop": stop, "remove": remove, "start": start,
         "exec": execute}


def main():
    if len(sys.argv) < 3 or sys.argv[2] not in VERBS:
        sys.exit(__doc__)
    try:
        VERBS[sys.argv[2]](Runtime(sys.argv[1]), *sys.argv[3:])
    except grpc.RpcError as error:
        sys.exit(error.details())


if __name__ == "__main__":
    main()
