import CSIProto
import CSITransport
import Testing

@testable import CSICore

@Suite("Fingerprints")
struct FingerprintTests {
    private static let base = CSIv1.CreateVolumeRequest(
        name: "v", capacityRange: .init(requiredBytes: 10),
        volumeCapabilities: [.init(accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))],
        parameters: ["a": "1", "csi.storage.k8s.io/pvc/name": "claim"])

    /// One change and what the refusal says of it.
    struct Change: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let apply: @Sendable (inout CSIv1.CreateVolumeRequest) -> Void

        init(_ complaint: String, _ apply: @escaping @Sendable (inout CSIv1.CreateVolumeRequest) -> Void) {
            self.testDescription = complaint
            self.apply = apply
        }
    }

    @Test(
        "What must not change is named with both values",
        arguments: [
            Change("parameters[\"a\"]: \"1\", and \"2\"") { $0.parameters["a"] = "2" },
            Change("parameters[\"b\"]: none, and \"3\"") { $0.parameters["b"] = "3" },
            Change("parameters[\"a\"]: \"1\", and none") { $0.parameters = [:] },
            Change("mutable_parameters[\"m\"]: none") { $0.mutableParameters["m"] = "1" },
            Change("volume_capabilities") {
                $0.volumeCapabilities = [.init(accessType: .block(.init()), accessMode: .init(mode: .singleNodeWriter))]
            },
        ])
    func differences(change: Change) throws {
        let complaint = change.testDescription
        var changed = Self.base
        change.apply(&changed)
        let stored = try CreateVolume(validating: Self.base).fingerprint
        let asked = try CreateVolume(validating: changed)
        let error = #expect(throws: CSIError.self) {
            try asked.fingerprint.requireMatch(stored, of: .volumeNamed(asked.name))
        }
        #expect(error?.code == .alreadyExists)
        #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
    }

    @Test("Capacity, topology, secrets, metadata of the claim and order do not count")
    func indifferent() throws {
        var changed = Self.base
        changed.capacityRange = .init(requiredBytes: 5)
        changed.secrets = Secrets(["password": "x"])
        changed.parameters["csi.storage.k8s.io/pvc/name"] = "other"
        changed.accessibilityRequirements = .init(preferred: [.init(segments: ["zone": "b"])])
        let stored = try CreateVolume(validating: Self.base).fingerprint
        try CreateVolume(validating: changed).fingerprint.requireMatch(stored, of: .volumeNamed(VolumeName("v")))
        #expect(!"\(stored)".contains("password"))
    }
}
