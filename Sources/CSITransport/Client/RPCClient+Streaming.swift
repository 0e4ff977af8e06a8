public import CSIProto

extension RPCClient {
    /// Calls a method that takes one message and gives any number.
    ///
    /// The call ends with `body`: what was not read then is not wanted, and the server is told.
    ///
    /// - Parameters:
    ///   - method: The method, as the generator made it.
    ///   - request: The message.
    ///   - metadata: Custom header fields.
    ///   - timeout: How long the whole call may take.
    ///   - body: Reads the answers. It is cancelled with the task, and its reads fail when the call does.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; an `RPCError` when the call cannot begin.
    public func serverStreaming<Request: ProtoMessage, Response: ProtoMessage, Result>(
        _ method: RPCMethod<Request, Response>, _ request: Request, metadata: Metadata = [:],
        timeout: Duration? = nil, _ body: (RPCReader<Response>) async throws -> Result
    ) async throws -> Result {
        let call = try await begin(method.path, metadata, timeout)
        defer { call.cancel() }
        try await call.send(request.encodedFrame())
        await call.finishSending()
        return try await body(RPCReader(call))
    }

    /// Calls a method that takes any number of messages and gives one.
    ///
    /// - Parameters:
    ///   - method: The method, as the generator made it.
    ///   - metadata: Custom header fields.
    ///   - timeout: How long the whole call may take.
    ///   - body: Sends the requests, which end with it.
    /// - Returns: The answer.
    /// - Throws: What `body` throws, or the call's `RPCError`.
    public func clientStreaming<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>, metadata: Metadata = [:], timeout: Duration? = nil,
        _ body: (RPCWriter<Request>) async throws -> Void
    ) async throws -> Response {
        let call = try await begin(method.path, metadata, timeout)
        defer { call.cancel() }
        try await body(RPCWriter(call))
        await call.finishSending()
        guard let message = try await call.next() else {
            throw RPCError(code: .internalError, message: "the answer has no message")
        }
        // The status follows the message, and counts.
        guard try await call.next() == nil else {
            throw RPCError(code: .internalError, message: "more than one message in an answer of one")
        }
        return try RPCClient.decode(message)
    }

    /// Calls a method that takes and gives any number of messages.
    ///
    /// The call ends with `body`; the requests end when it calls the writer's `finish()`.
    ///
    /// - Parameters:
    ///   - method: The method, as the generator made it.
    ///   - metadata: Custom header fields.
    ///   - timeout: How long the whole call may take.
    ///   - body: Sends and reads, in any order, also from child tasks.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; an `RPCError` when the call cannot begin.
    public func bidirectional<Request: ProtoMessage, Response: ProtoMessage, Result>(
        _ method: RPCMethod<Request, Response>, metadata: Metadata = [:], timeout: Duration? = nil,
        _ body: (RPCWriter<Request>, RPCReader<Response>) async throws -> Result
    ) async throws -> Result {
        let call = try await begin(method.path, metadata, timeout)
        defer { call.cancel() }
        return try await body(RPCWriter(call), RPCReader(call))
    }

    private func begin(_ path: String, _ metadata: Metadata, _ timeout: Duration?) async throws(RPCError) -> ClientCall
    {
        let request = ClientConnection.Request(path: path, metadata: metadata, timeout: timeout)
        let loop = connection.loop
        let stream = await connection.ask { connection in
            connection.begin(request, completion: nil).map { LoopBound($0, on: loop) }
        }
        guard let stream = stream ?? nil else {
            throw RPCError(code: .unavailable, message: "the connection to the server is closed")
        }
        return ClientCall(bound: stream)
    }
}
