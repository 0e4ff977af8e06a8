import CSIProto
import CSITransport

extension ConformanceCase {
    static let identity: [ConformanceCase] = [
        ConformanceCase(
            "identity/name",
            "the driver's name is 1 to 63 letters, digits, '-' and '.', and begins and ends with a letter", .sanity
        ) {
            let name = try await $0.call(CSIv1.Identity.getPluginInfo, .init()).name
            let isLegal =
                (1...63).contains(name.utf8.count) && (name.utf8.first.map(isLetter) ?? false)
                && (name.utf8.last.map(isLetter) ?? false)
                && name.utf8.allSatisfy {
                    isLetter($0) || (0x30...0x39).contains($0) || [0x2D, 0x2E, 0x5F].contains($0)
                }
            try $0.expect(isLegal, "GetPluginInfo", "a legal name", saw: "\"\(name)\"")
        },
        ConformanceCase("identity/version", "the driver says its version") {
            let version = try await $0.call(CSIv1.Identity.getPluginInfo, .init()).vendorVersion
            try $0.expect(
                !version.isEmpty && version.utf8.count <= 128, "GetPluginInfo", "a vendor_version of 1 to 128 bytes",
                saw: "\"\(version)\"")
        },
        ConformanceCase("identity/manifest", "the manifest is at most 4 KiB") {
            let manifest = try await $0.call(CSIv1.Identity.getPluginInfo, .init()).manifest
            try $0.expect(
                manifest.bytes <= 4_096, "GetPluginInfo", "a manifest of at most 4096 bytes", saw: "\(manifest.bytes)")
        },
        ConformanceCase(
            "identity/plugin-capabilities-known", "every plugin capability is one that CSI defines", .sanity
        ) {
            let reply = try await $0.call(CSIv1.Identity.getPluginCapabilities, .init())
            for capability in reply.capabilities {
                let isKnown =
                    capability.service.map {
                        CSIv1.PluginCapability.Service.TypeEnum.allKnown.contains($0) && $0 != .unknown
                    }
                    ?? capability.expansion.map { $0 == .online || $0 == .offline } ?? false
                try $0.expect(isKnown, "GetPluginCapabilities", "known capabilities", saw: "\(capability)")
            }
        },
        ConformanceCase("identity/plugin-capabilities-once", "every plugin capability is listed once", .knownDefect) {
            let list = try await $0.call(CSIv1.Identity.getPluginCapabilities, .init()).capabilities
            try $0.expect(Set(list).count == list.count, "GetPluginCapabilities", "no duplicates", saw: "\(list)")
        },
        ConformanceCase("identity/expansion-once", "volumes expand online or offline, not both") {
            let reply = try await $0.call(CSIv1.Identity.getPluginCapabilities, .init())
            let kinds = Set(reply.capabilities.compactMap(\.expansion))
            try $0.expect(kinds.count <= 1, "GetPluginCapabilities", "at most one kind of expansion", saw: "\(kinds)")
        },
        ConformanceCase("identity/probe", "Probe succeeds and the driver becomes ready", .sidecars) {
            // A driver that is starting says so; an error ends the sidecars.
            for attempt in 0..<60 {
                let reply = try await $0.call(CSIv1.Identity.probe, .init())
                if reply.ready?.value != false { return }
                try $0.expect(attempt < 59, "Probe", "ready within a minute", saw: "ready=false")
                try await Task.sleep(for: .seconds(1))
            }
        },
        ConformanceCase("identity/repeated", "the same questions get the same answers") {
            let info = try await $0.call(CSIv1.Identity.getPluginInfo, .init())
            let list = Set(try await $0.call(CSIv1.Identity.getPluginCapabilities, .init()).capabilities)
            for _ in 0..<$0.configuration.repeats {
                try $0.expect(
                    "GetPluginInfo again", try await $0.call(CSIv1.Identity.getPluginInfo, .init()), equals: info)
                let again = Set(try await $0.call(CSIv1.Identity.getPluginCapabilities, .init()).capabilities)
                try $0.expect("GetPluginCapabilities again", again, equals: list)
            }
        },
        ConformanceCase(
            "identity/endpoints-named-alike", "controller and node say the same name and version",
            needs: [.twoEndpoints]
        ) {
            let controller = try await $0.call(CSIv1.Identity.getPluginInfo, .init())
            let node = try await $0.call(CSIv1.Identity.getPluginInfo, .init(), on: $0.subject.endpoints.node)
            try $0.expect(
                "GetPluginInfo of the node", "\(node.name) \(node.vendorVersion)",
                equals: "\(controller.name) \(controller.vendorVersion)")
        },
        ConformanceCase(
            "identity/endpoints-capable-alike", "controller and node list the same plugin capabilities", .sanity,
            needs: [.twoEndpoints]
        ) {
            let controller = try await $0.call(CSIv1.Identity.getPluginCapabilities, .init())
            let node = try await $0.call(CSIv1.Identity.getPluginCapabilities, .init(), on: $0.subject.endpoints.node)
            try $0.expect(
                "GetPluginCapabilities of the node", Set(node.capabilities), equals: Set(controller.capabilities))
        },
        ConformanceCase(
            "identity/node-probe", "Probe succeeds on the node's endpoint", .sidecars, needs: [.twoEndpoints]
        ) {
            try await $0.call(CSIv1.Identity.probe, .init(), on: $0.subject.endpoints.node)
        },
        ConformanceCase("identity/unknown-method", "a method that does not exist is UNIMPLEMENTED", .transport) {
            let method = RPCMethod<CSIv1.ProbeRequest, CSIv1.ProbeResponse>(
                service: "csi.v1.Identity", name: "NoSuchMethod")
            try await $0.refuse(method, .init(), .unimplemented)
        },
        ConformanceCase("identity/unknown-service", "a service that does not exist is UNIMPLEMENTED", .transport) {
            let method = RPCMethod<CSIv1.ProbeRequest, CSIv1.ProbeResponse>(
                service: "csi.v1.NoSuchService", name: "Probe")
            try await $0.refuse(method, .init(), .unimplemented)
        },
        ConformanceCase("identity/unknown-field", "a field of a newer CSI is ignored", .transport) {
            // Field 1000, a varint of 1.
            let method = RPCMethod<RawMessage, CSIv1.ProbeResponse>(service: "csi.v1.Identity", name: "Probe")
            try await $0.call(method, RawMessage([0xC0, 0x3E, 0x01]))
        },
        ConformanceCase(
            "identity/malformed-request", "bytes that are no message are refused, and the driver lives on", .transport
        ) {
            let method = RPCMethod<RawMessage, RawMessage>(service: "csi.v1.Controller", name: "DeleteVolume")
            // A string of 127 bytes that ends after one.
            try await $0.refuse(method, RawMessage([0x0A, 0x7F, 0x78]), [])
            try await $0.call(CSIv1.Identity.probe, .init())
        },
        ConformanceCase(
            "identity/oversized-request", "a request of 5 MiB is refused, and the driver lives on", .transport
        ) {
            let method = RPCMethod<RawMessage, RawMessage>(service: "csi.v1.Controller", name: "DeleteVolume")
            let length = 5 << 20
            let head: [UInt8] = [
                0x0A, UInt8(length & 0x7F) | 0x80, UInt8(length >> 7 & 0x7F) | 0x80, UInt8(length >> 14 & 0x7F) | 0x80,
                UInt8(length >> 21 & 0x7F),
            ]
            try await $0.refuse(method, RawMessage(head + [UInt8](repeating: 0x78, count: length)), [])
            try await $0.call(CSIv1.Identity.probe, .init())
        },
    ]

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}

extension ProtoMap where Key == String, Value == String {
    /// The size of all keys and values in bytes.
    var bytes: Int { reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count } }
}
