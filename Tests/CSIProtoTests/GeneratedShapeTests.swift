import CSIProto
import Testing

@Suite("Generated code")
struct GeneratedShapeTests {
    @Test func methodsKnowWhoStreams() {
        let streams = SwiftCsiTest.signatures.map { [$0.requestStreaming, $0.responseStreaming] }
        #expect(streams == [[false, false], [true, false], [false, true], [true, true]])
        #expect(SwiftCsiTest.Methods.httpChat.path == "/swift_csi.test.Methods/HTTPChat")
        #expect(CSIv1.Identity.methods.contains("/csi.v1.Identity/Probe"))
        #expect(CSIv1.SnapshotMetadata.getMetadataDelta.responseStreaming)
        #expect(GRPCHealthV1.Health.watch.responseStreaming)
        #expect(GRPCReflectionV1.ServerReflection.serverReflectionInfo.requestStreaming)
        #expect(
            PluginRegistrationV1.Registration.methods == [
                "/pluginregistration.Registration/GetInfo",
                "/pluginregistration.Registration/NotifyRegistrationStatus",
            ])
    }

    @Test func enumsAreOpen() {
        #expect(CSIv1.VolumeCapability.AccessMode.Mode.allKnown.count == 8)
        #expect(CSIv1.VolumeUsage.Unit.bytes.name == "BYTES")
        #expect(CSIv1.VolumeUsage.Unit(rawValue: 9).name == nil)
        #expect("\(CSIv1.VolumeUsage.Unit(rawValue: 9))" == "9")
        #expect("\(CSIv1.PluginCapability.Service.TypeEnum.controllerService)" == "CONTROLLER_SERVICE")
        #expect(
            SwiftCsiTest.Color.allKnown.map(\.name) == ["COLOR_NONE", "COLOR_RED", "COLOR_DEEP_BLUE", "COLOR_NEGATIVE"])
    }

    /// Reflection hands these to clients: they must begin as a `FileDescriptorProto` with the file's name does.
    @Test(arguments: CSIv1.files + GoogleProtobuf.files + GRPCHealthV1.files + GRPCReflectionV1.files)
    func filesCarryTheirDescriptor(file: ProtoFile) throws {
        let name = Array(file.name.utf8)
        #expect(file.descriptor.starts(with: [0x0a, UInt8(name.count)] + name))
        #expect(!file.symbols.isEmpty)
    }

    @Test func symbolsAndDependenciesAreListed() throws {
        let node = try #require(CSIv1.files.first { $0.name == "csi/v1/node.proto" })
        #expect(node.symbols.contains("csi.v1.Node"))
        #expect(node.symbols.contains("csi.v1.NodeServiceCapability.RPC.Type"))
        #expect(node.dependencies == ["csi/v1/common.proto", "csi/v1/options.proto"])
    }

    @Test func sizeIsLearnt() {
        let large = CSIv1.GetPluginInfoResponse(name: String(repeating: "x", count: 1_000_000))
        for _ in 0..<3 { #expect(large.encodedMessage().count == 1_000_004) }
        let small = CSIv1.GetPluginInfoResponse(name: "x")
        for _ in 0..<100 { #expect(small.encoded() == hex("0a0178")) }
        #expect(large.encoded().count == 1_000_004)
    }
}
