public import CSICore
import CSIHost
public import CSIProto
public import CSITransport
public import SystemPackage

/// Calls that follow one another as a caller makes them.
public struct Scenario: Sendable {
    /// One call.
    public struct Step: Sendable {
        /// What reports call it.
        public let name: String

        /// Makes the call.
        public let call: @Sendable (LocalDriver) async throws(RPCError) -> Void

        /// Creates a step.
        public init(_ name: String, call: @escaping @Sendable (LocalDriver) async throws(RPCError) -> Void) {
            self.name = name
            self.call = call
        }
    }

    /// The calls in order.
    public let steps: [Step]

    /// What must hold at every moment, even in the middle of a call; answers what is wrong, nil when nothing is.
    public let invariant: @Sendable (FakeHost) -> String?

    /// Creates a scenario.
    public init(_ steps: [Step], invariant: @escaping @Sendable (FakeHost) -> String? = { _ in nil }) {
        self.steps = steps
        self.invariant = invariant
    }
}

extension Scenario {
    /// The life of one volume: create, publish read-only, publish writable, unpublish both, delete.
    ///
    /// At no moment may the read-only target be writable.
    /// - Parameters:
    ///   - targets: An existing directory of the host in which volumes are published.
    ///   - parameters: The parameters of the class.
    ///   - capability: How the volume is used.
    public static func fullLifecycle(
        targets: FilePath, parameters: ProtoMap<String, String> = [:],
        capability: CSIv1.VolumeCapability = CSIv1.VolumeCapability(
            accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))
    ) -> Scenario {
        let volume = "explored-volume"
        let readOnly = targets.appending("read-only")
        let writable = targets.appending("writable")
        @Sendable func publish(_ target: FilePath, _ readOnly: Bool) -> Step {
            Step("publish \(readOnly ? "read-only" : "writable")") { (driver) async throws(RPCError) in
                _ = try await driver.call(
                    CSIv1.Node.nodePublishVolume,
                    .init(
                        volumeID: volume, targetPath: target.string, volumeCapability: capability, readonly: readOnly))
            }
        }
        @Sendable func unpublish(_ target: FilePath) -> Step {
            Step("unpublish \(target.lastComponent?.string ?? "")") { (driver) async throws(RPCError) in
                _ = try await driver.call(
                    CSIv1.Node.nodeUnpublishVolume, .init(volumeID: volume, targetPath: target.string))
            }
        }
        let create = Step("create") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Controller.createVolume,
                .init(
                    name: volume, capacityRange: .init(requiredBytes: 1 << 20), volumeCapabilities: [capability],
                    parameters: parameters))
        }
        let delete = Step("delete") { (driver) async throws(RPCError) in
            _ = try await driver.call(CSIv1.Controller.deleteVolume, .init(volumeID: volume))
        }
        let steps = [
            create, publish(readOnly, true), publish(writable, false), unpublish(readOnly), unpublish(writable), delete,
        ]
        return Scenario(steps) { host in
            guard let mount = host.mountTable.topmost(at: readOnly), !mount.isReadOnly else { return nil }
            return "\(readOnly) is writable, and read-only was asked for"
        }
    }
}
