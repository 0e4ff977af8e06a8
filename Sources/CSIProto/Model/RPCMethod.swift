/// One method of a gRPC service: its path and the types of its messages.
///
/// The generator emits one for every `rpc` of a schema.
public struct RPCMethod<Request: ProtoMessage, Response: ProtoMessage>: Sendable {
    /// The full name of the service, for example `csi.v1.Identity`.
    public let service: String

    /// The name of the method, for example `Probe`.
    public let name: String

    /// The HTTP/2 `:path`, for example `/csi.v1.Identity/Probe`.
    public let path: String

    /// Whether the client sends any number of messages.
    public let requestStreaming: Bool

    /// Whether the server sends any number of messages.
    public let responseStreaming: Bool

    /// Creates a method of `service`.
    public init(service: String, name: String, requestStreaming: Bool = false, responseStreaming: Bool = false) {
        self.service = service
        self.name = name
        self.path = "/\(service)/\(name)"
        self.requestStreaming = requestStreaming
        self.responseStreaming = responseStreaming
    }
}
