public import CSIProto

/// Server reflection, `grpc.reflection.v1`: lets stock tools list and call what a server answers.
public struct ReflectionService: Sendable {
    private let byName: [String: ProtoFile]
    private let bySymbol: [String: ProtoFile]

    /// A service that knows these schemas, and its own.
    public init(files: [ProtoFile]) {
        var byName: [String: ProtoFile] = [:]
        var bySymbol: [String: ProtoFile] = [:]
        for file in files + GRPCReflectionV1.files {
            byName[file.name] = file
            for symbol in file.symbols { bySymbol[symbol] = file }
        }
        self.byName = byName
        self.bySymbol = bySymbol
    }

    /// Adds the method to a router, listing the services that the router answers by now, and this one.
    public func add(to router: inout RPCRouter) {
        var services: [String] = []
        for path in router.paths + [GRPCReflectionV1.ServerReflection.serverReflectionInfo.path] {
            let parts = path.split(separator: "/")
            if let service = parts.first.map(String.init), !services.contains(service) { services.append(service) }
        }
        let listed = services.sorted()
        router.bidirectional(GRPCReflectionV1.ServerReflection.serverReflectionInfo) {
            (requests, responses, _) async throws(RPCError) in
            while let request = try await requests.next() {
                try await responses.send(answer(request, listed))
            }
        }
    }

    private func answer(
        _ request: GRPCReflectionV1.ServerReflectionRequest, _ services: [String]
    ) -> GRPCReflectionV1.ServerReflectionResponse {
        var response = GRPCReflectionV1.ServerReflectionResponse()
        response.validHost = request.host
        response.originalRequest = request
        switch request.messageRequest {
        case .fileByFilename(let name):
            response.messageResponse = descriptors(byName[name])
        case .fileContainingSymbol(let symbol):
            response.messageResponse = descriptors(file(declaring: symbol))
        case .listServices:
            response.messageResponse = .listServicesResponse(
                GRPCReflectionV1.ListServiceResponse(
                    service: services.map { GRPCReflectionV1.ServiceResponse(name: $0) }))
        case .fileContainingExtension, .allExtensionNumbersOfType:
            response.messageResponse = .errorResponse(
                GRPCReflectionV1.ErrorResponse(
                    errorCode: Int32(RPCCode.notFound.rawValue), errorMessage: "no extension is known"))
        case nil:
            response.messageResponse = .errorResponse(
                GRPCReflectionV1.ErrorResponse(
                    errorCode: Int32(RPCCode.invalidArgument.rawValue), errorMessage: "the request asks for nothing"))
        }
        return response
    }

    /// The file that declares a symbol, or the message or service whose member it is.
    private func file(declaring symbol: String) -> ProtoFile? {
        var name = symbol[...]
        while true {
            if let file = bySymbol[String(name)] { return file }
            guard let dot = name.lastIndex(of: ".") else { return nil }
            name = name[..<dot]
        }
    }

    /// The file and everything that it imports.
    private func descriptors(
        _ file: ProtoFile?
    ) -> GRPCReflectionV1.ServerReflectionResponse.MessageResponseOneOf {
        guard let file else {
            return .errorResponse(
                GRPCReflectionV1.ErrorResponse(
                    errorCode: Int32(RPCCode.notFound.rawValue), errorMessage: "unknown file or symbol"))
        }
        var found: [String] = []
        var open = [file]
        var bytes: [[UInt8]] = []
        while let next = open.popLast() {
            if found.contains(next.name) { continue }
            found.append(next.name)
            bytes.append(next.descriptor)
            open += next.dependencies.compactMap { byName[$0] }
        }
        return .fileDescriptorResponse(GRPCReflectionV1.FileDescriptorResponse(fileDescriptorProto: bytes))
    }
}
