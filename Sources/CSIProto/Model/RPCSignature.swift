/// What a schema says about one method, without the types.
public struct RPCSignature: Sendable, Hashable {
    /// The HTTP/2 `:path`, for example `/csi.v1.Identity/Probe`.
    public let path: String

    /// The full protobuf name of the request, for example `csi.v1.ProbeRequest`.
    public let request: String

    /// The full protobuf name of the response.
    public let response: String

    /// Whether the client sends any number of messages.
    public let requestStreaming: Bool

    /// Whether the server sends any number of messages.
    public let responseStreaming: Bool
}

extension RPCMethod {
    /// The method without its types.
    public var signature: RPCSignature {
        RPCSignature(
            path: path, request: Request.protoName, response: Response.protoName, requestStreaming: requestStreaming,
            responseStreaming: responseStreaming)
    }
}
