import GRPCCore
import GRPCProtobuf
import Messages
import SwiftProtobuf

/// Probe, CreateVolume and ListVolumes, registered as the generated code of grpc-swift-protobuf would.
struct BenchmarkService: RegistrableRPCService {
    let created: Csi_V1_Volume
    let entries: [Csi_V1_ListVolumesResponse.Entry]

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        unary("csi.v1.Identity", "Probe", &router) { (_: Csi_V1_ProbeRequest) in
            var response = Csi_V1_ProbeResponse()
            response.ready = Google_Protobuf_BoolValue(true)
            return response
        }
        unary("csi.v1.Controller", "CreateVolume", &router) { (request: Csi_V1_CreateVolumeRequest) in
            var volume = created
            volume.capacityBytes = request.capacityRange.requiredBytes
            var response = Csi_V1_CreateVolumeResponse()
            response.volume = volume
            return response
        }
        unary("csi.v1.Controller", "ListVolumes", &router) { (_: Csi_V1_ListVolumesRequest) in
            var response = Csi_V1_ListVolumesResponse()
            response.entries = entries
            return response
        }
    }

    private func unary<Request: Message, Response: Message>(
        _ service: String, _ method: String, _ router: inout RPCRouter<some ServerTransport>,
        _ answer: @escaping @Sendable (Request) async throws -> Response
    ) {
        router.registerHandler(
            forMethod: MethodDescriptor(
                service: ServiceDescriptor(fullyQualifiedService: service), method: method),
            deserializer: ProtobufDeserializer<Request>(), serializer: ProtobufSerializer<Response>()
        ) { request, _ in
            let single = try await ServerRequest(stream: request)
            return StreamingServerResponse(
                single: ServerResponse(message: try await answer(single.message)))
        }
    }
}
