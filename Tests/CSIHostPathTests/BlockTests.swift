import CSIHost
import CSIPool
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSIHostPath

@Suite("hostPath, raw block volumes")
struct BlockTests {
    private static let size: Int64 = 4 << 20

    private static func capability(
        _ mode: CSIv1.VolumeCapability.AccessMode.Mode = .singleNodeMultiWriter
    ) -> CSIv1.VolumeCapability {
        .init(accessType: .block(.init()), accessMode: .init(mode: mode))
    }

    private static func create(
        _ name: String, required: Int64 = size, parameters: ProtoMap<String, String> = [:]
    ) throws -> CreateVolume {
        try CreateVolume(
            validating: .init(
                name: name, capacityRange: .init(requiredBytes: required), volumeCapabilities: [capability()],
                parameters: parameters))
    }

    private static func publish(_ rig: Rig, _ id: String, _ target: String, readOnly: Bool = false) async throws
        -> FilePath
    {
        let path = rig.targets.appending(target)
        try await rig.driver.publish(
            PublishVolume(
                validating: .init(
                    volumeID: id, targetPath: path.string, volumeCapability: capability(), readonly: readOnly)))
        return path
    }

    private static func unpublish(_ rig: Rig, _ id: String, _ target: String) async throws {
        try await rig.driver.unpublish(
            UnpublishVolume(validating: .init(volumeID: id, targetPath: rig.targets.appending(target).string)))
    }

    private static func devices(_ rig: Rig) async throws -> [LoopDevice] {
        try await rig.host.loops.list().filter { $0.backingPath.hasPrefix(rig.pool.string) }
    }

    @Test(
        "A pod sees the device, which comes with the first target and goes with the last", arguments: Machine.available)
    func life(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            let made = try await rig.driver.create(Self.create("b"))
            #expect(try await rig.driver.create(Self.create("b")) == made)
            #expect(made.capacity == Self.size && made.context["quota"] == "image")
            #expect(try await Self.devices(rig).isEmpty)
            var targets: [FilePath] = []
            for name in ["t", "u", "t"] { targets.append(try await Self.publish(rig, "b", name)) }
            for target in targets {
                #expect(try await rig.host.devices.device(at: target)?.size == Self.size)
                #expect(try await rig.host.fileSystems.probe(target) == .blank)
            }
            #expect(try await Self.devices(rig).count == 1)
            let error = await #expect(throws: CSIError.self) {
                try await rig.driver.delete(DeleteVolume(validating: .init(volumeID: "b")))
            }
            #expect(error?.code == .failedPrecondition)
            let look = try Requests.stats("b", at: targets[0])
            let stats = try await rig.driver.stats(look)
            #expect(stats.bytes.total == Self.size && stats.inodes == nil)
            #expect(try await settled { try await rig.driver.stats(look).condition } == .normal)
            for name in ["t", "t", "u", "u"] { try await Self.unpublish(rig, "b", name) }
            #expect(try await Self.devices(rig).isEmpty)
            #expect(try await rig.driver.read(GetVolume(validating: .init(volumeID: "b")))?.condition == .normal)
            #expect(try await rig.driver.list(ListVolumes(validating: .init())).entries.map(\.condition) == [.normal])
            try await rig.driver.delete(DeleteVolume(validating: .init(volumeID: "b")))
            #expect(try await rig.driver.volume(VolumeID("b")) == nil)
        }
    }

    @Test(
        "Without loop devices a publish says what to load, and works when it is loaded",
        arguments: [
            (HostError.Kind.notFound, "modprobe loop"), (.permissionDenied, "/dev/loop-control cannot be opened"),
        ])
    func withoutLoopDevices(kind: HostError.Kind, fix: String) async throws {
        try await Rig.with(.fake) { rig in
            _ = try await rig.driver.create(Self.create("b", parameters: ["directIO": "true"]))
            rig.fake?.changeMachine { $0.closedDevices["/dev/loop-control"] = kind }
            let error = await #expect(throws: CSIError.self) { _ = try await Self.publish(rig, "b", "t") }
            #expect(error?.code == .failedPrecondition)
            #expect(error?.message.contains(fix) == true, "\(error?.message ?? "")")
            #expect(rig.fake?.metadata(of: rig.targets.appending("t")) == nil)
            rig.fake?.changeMachine { $0.closedDevices = [:] }
            _ = try await Self.publish(rig, "b", "t")
        }
    }

    @Test("Reading only is for all targets or for none", arguments: Machine.available)
    func readOnly(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Self.create("b"))
            let target = try await Self.publish(rig, "b", "t", readOnly: true)
            #expect(try await rig.host.devices.device(at: target)?.isReadOnly == true)
            for (name, code) in [("t", RPCCode.alreadyExists), ("u", .failedPrecondition)] {
                let error = await #expect(throws: CSIError.self) { _ = try await Self.publish(rig, "b", name) }
                #expect(error?.code == code)
            }
            try await Self.unpublish(rig, "b", "t")
            _ = try await Self.publish(rig, "b", "t")
            try await Self.unpublish(rig, "b", "t")
        }
    }

    @Test("Growth reaches the device, asked of the controller or of the node alone", arguments: Machine.available)
    func growth(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Self.create("b"))
            let target = try await Self.publish(rig, "b", "t")
            func onNode(_ size: Int64) async throws -> Int64 {
                try await rig.driver.expandOnNode(
                    ExpandVolumeOnNode(
                        validating: .init(
                            volumeID: "b", volumePath: target.string, capacityRange: .init(requiredBytes: size))))
            }
            let grown = try await rig.driver.expand(
                ExpandVolume(
                    validating: .init(volumeID: "b", capacityRange: .init(requiredBytes: 2 * Self.size - 1))))
            #expect(grown == Expansion(capacity: 2 * Self.size, needsNode: true))
            #expect(try await onNode(2 * Self.size) == 2 * Self.size)
            #expect(try await onNode(3 * Self.size) == 3 * Self.size)
            #expect(try await rig.host.devices.device(at: target)?.size == 3 * Self.size)
            #expect(try await rig.driver.volume(VolumeID("b"))?.capacity == 3 * Self.size)
            try await Self.unpublish(rig, "b", "t")
        }
    }

    @Test("A device is no directory, and a directory no device")
    func kinds() async throws {
        try await Rig.with(.fake) { rig in
            _ = try await rig.driver.create(Self.create("b"))
            _ = try await rig.driver.create(Requests.create("d"))
            let wrong = await #expect(throws: CSIError.self) { _ = try await Self.publish(rig, "d", "t") }
            #expect(wrong?.code == .failedPrecondition && wrong?.message.contains("is a directory") == true)
            let other = await #expect(throws: CSIError.self) {
                try await rig.driver.publish(
                    PublishVolume(
                        validating: .init(
                            volumeID: "b", targetPath: "/scratch/pods/t",
                            volumeCapability: .init(
                                accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter)))))
            }
            #expect(other?.code == .failedPrecondition && other?.message.contains("raw block volume") == true)
            let clash = await #expect(throws: CSIError.self) { _ = try await rig.driver.create(Requests.create("b")) }
            #expect(clash?.code == .alreadyExists)
        }
    }

    @Test("What is published can be taken away when neither image nor record can be used any more")
    func lost() async throws {
        try await Rig.with(.fake) { rig in
            let fake = try #require(rig.fake)
            for name in ["image", "record"] {
                _ = try await rig.driver.create(Self.create(name))
                _ = try await Self.publish(rig, name, name)
            }
            let tree = try await fake.files.openDirectory("/scratch/pool/volumes")
            _ = try await tree.removeFile("image/image")
            fake.addFile("/scratch/pool/volumes/record/volume", [0])
            for name in ["image", "record"] {
                try await Self.unpublish(rig, name, name)
                #expect(fake.mountTable.topmost(at: rig.targets.appending(name)) == nil)
            }
            #expect(fake.loopDevices.isEmpty)
            let condition = try await rig.driver.read(GetVolume(validating: .init(volumeID: "image")))?.condition
            #expect(condition?.isAbnormal == true)
        }
    }

    @Test("The capabilities of a volume are those of its kind")
    func validated() async throws {
        try await Rig.with(.fake) { rig in
            let made = try await rig.driver.create(Self.create("b"))
            let mount = CSIv1.VolumeCapability(
                accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))
            for (capability, fits) in [(Self.capability(), true), (mount, false)] {
                let request = try ValidateVolumeCapabilities(
                    validating: .init(volumeID: "b", volumeCapabilities: [capability]))
                #expect(try await (rig.driver.refusal(of: request, for: made) == nil) == fits)
            }
        }
    }

    @Test("A start detaches what is published nowhere")
    func leftovers() async throws {
        try await Rig.with(.fake) { rig in
            let fake = try #require(rig.fake)
            for name in ["kept", "lost"] {
                _ = try await rig.driver.create(Self.create(name))
                _ = try await Self.publish(rig, name, name)
            }
            // As a crash between the unmount and the detach leaves it.
            _ = try await fake.mounts.unmount(rig.targets.appending("lost"), policy: .orderly())
            fake.restart()
            let next = try rig.secondDriver(role: .all)
            try await next.preflight()
            try await next.start()
            #expect(fake.loopDevices.map(\.name) == ["kept"])
        }
    }
}
