import CSIProto
import Testing

@Suite("Messages survive encoding and decoding")
struct RoundTripTests {
    static let request = CSIv1.CreateVolumeRequest(
        name: "pvc-1",
        capacityRange: .init(requiredBytes: 1 << 30, limitBytes: -1),
        volumeCapabilities: [
            .init(
                accessType: .mount(.init(fsType: "ext4", mountFlags: ["noatime", ""])),
                accessMode: .init(mode: .singleNodeWriter)),
            .init(accessType: .block(.init()), accessMode: .init(mode: .init(rawValue: 99))),
        ],
        parameters: ["b": "2", "a": "1"],
        secrets: Secrets(["token": "hunter2"]),
        volumeContentSource: .init(type: .volume(.init(volumeID: "v"))),
        accessibilityRequirements: .init(requisite: [.init(segments: ["zone": "a"])]))

    @Test func createVolume() throws {
        let bytes = Self.request.encoded()
        let decoded = try CSIv1.CreateVolumeRequest(decoding: bytes)
        #expect(decoded == Self.request)
        #expect(decoded.encoded() == bytes)
        #expect(decoded.parameters.keys == ["b", "a"])
        #expect(decoded.unknownFields.isEmpty)
    }

    @Test func frameHasItsPrefix() throws {
        let frame = Self.request.encodedFrame().array
        let message = Self.request.encoded()
        let count = message.count
        #expect(frame.prefix(5) == [0, 0, 0, UInt8(count >> 8), UInt8(count & 0xff)])
        #expect(Array(frame.dropFirst(5)) == message)
    }

    @Test func descriptionIsOneLineWithoutSecrets() {
        #expect(
            Self.request.description == """
                {"name":"pvc-1","capacity_range":{"required_bytes":1073741824,"limit_bytes":-1},\
                "volume_capabilities":[{"mount":{"fs_type":"ext4","mount_flags":["noatime",""]},\
                "access_mode":{"mode":"SINGLE_NODE_WRITER"}},{"block":{},"access_mode":{"mode":99}}],\
                "parameters":{"b":"2","a":"1"},"secrets":"***stripped***",\
                "volume_content_source":{"volume":{"volume_id":"v"}},\
                "accessibility_requirements":{"requisite":[{"segments":{"zone":"a"}}]}}
                """)
    }
}
