import CSIProto

/// One run of the plugin: a request of protoc in, its response out.
enum Generator {
    static func respond(to input: [UInt8]) -> [UInt8] {
        var writer = WireWriter(capacity: 1 << 20)
        do throws(SchemaError) {
            for file in try generate(input).reversed() {
                let before = writer.written
                writer.singular(122, file.content, as: WireString.self)
                writer.singular(10, file.name, as: WireString.self)
                writer.varint(UInt64(writer.written - before))
                writer.tag(122)
            }
            // FEATURE_PROTO3_OPTIONAL: without it protoc refuses schemas with `optional`.
            writer.singular(16, 1, as: WireUInt64.self)
        } catch {
            writer.singular(10, error.message, as: WireString.self)
        }
        return writer.finish().array
    }

    private static func generate(_ input: [UInt8]) throws(SchemaError) -> [GeneratedFile] {
        let request = try decode(input)
        let options = try GeneratorOptions(parsing: request.parameter)
        let index = TypeIndex(request.files)
        let wanted = Set(request.filesToGenerate)
        let files = request.files.filter { wanted.contains($0.name) }
        var result: [GeneratedFile] = []
        for file in files { result.append(try FileEmitter(file, index: index, options: options).emit()) }
        for package in Set(files.map(\.package)).sorted() {
            let members = files.filter { $0.package == package }.sorted { $0.name < $1.name }
            let emitter = NamespaceEmitter(package: package, files: members, index: index, options: options)
            result.append(try emitter.emit())
        }
        return result
    }

    private static func decode(_ input: [UInt8]) throws(SchemaError) -> GeneratorRequest {
        do throws(WireError) {
            // Protoc is no hostile peer, and descriptors are large for their size on the wire.
            var reader = try WireReader(input.span, limits: WireLimits(expansion: Int.max))
            return try GeneratorRequest.read(from: &reader)
        } catch {
            throw SchemaError("protoc's request cannot be read: \(error)")
        }
    }
}
