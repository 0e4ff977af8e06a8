import CSIProto
import CSITransport

extension ConformanceCase {
    private static let visible: [ConformanceNeed] = [.usableVolumes, .mounts, .paths]

    static let nodePublishContent: [ConformanceCase] = [
        ConformanceCase("node-content/writable", "a published volume takes data", needs: visible) {
            let target = try await $0.publish($0.prepare())
            try await $0.write("text", in: target)
            try await $0.expectContent("text", in: target)
        },
        ConformanceCase("node-content/kept", "data outlives unpublishing", needs: visible) {
            let prepared = try await $0.prepare()
            let target = try await $0.publish(prepared)
            try await $0.write("text", in: target)
            try await $0.unpublish(target)
            try await $0.expectContent("text", in: $0.publish(prepared))
        },
        ConformanceCase("node-content/kept-after-release", "data outlives unstaging and detaching", needs: visible) {
            let prepared = try await $0.prepare()
            let target = try await $0.publish(prepared)
            try await $0.write("text", in: target)
            try await $0.unpublish(target)
            try await $0.release(prepared)
            try await $0.expectContent("text", in: $0.publish($0.prepare(prepared.volume)))
        },
        ConformanceCase(
            "node-content/readonly", "a volume that is published read-only refuses writing", .knownDefect,
            needs: visible
        ) {
            let target = try await $0.publish($0.prepare(), readonly: true)
            let isWritten = await $0.site.write("text", to: target.targetPath + "/conformance")
            try $0.expect("whether a file can be written", isWritten, equals: false)
        },
        ConformanceCase(
            "node-content/reader-mode", "a volume for readers only refuses writing, or is refused itself",
            needs: visible
        ) {
            let mode = CSIv1.VolumeCapability.AccessMode.Mode.singleNodeReaderOnly
            var create = $0.createRequest()
            create.volumeCapabilities = [$0.capability(mode: mode)]
            guard let volume = try await $0.allow(CSIv1.Controller.createVolume, create, or: .invalidArgument)?.volume
            else { throw ConformanceSkip(reason: "the driver does not make volumes for readers only") }
            let target = try await $0.publish($0.prepare(volume, capability: $0.capability(mode: mode)), readonly: true)
            let isWritten = await $0.site.write("text", to: target.targetPath + "/conformance")
            try $0.expect("whether a file can be written", isWritten, equals: false)
        },
        ConformanceCase("node-content/empty", "a new volume holds nothing of an old one", needs: visible) {
            let prepared = try await $0.prepare()
            let target = try await $0.publish(prepared)
            try await $0.write("text", in: target)
            try await $0.unpublish(target)
            try await $0.release(prepared)
            try await $0.deleteVolume(prepared.id)
            try await $0.expectContent("(no file)", in: $0.publish($0.prepare()))
        },
        ConformanceCase(
            "node-content/stacked", "unpublishing under a foreign mount keeps the data", .knownDefect,
            needs: visible + [.mountRight]
        ) {
            let prepared = try await $0.prepare()
            let target = try await $0.publish(prepared)
            try await $0.write("text", in: target)
            let foreign = try await $0.newDirectory(in: $0.configuration.targetDirectory)
            guard await $0.site.stack(foreign, on: target.targetPath) else {
                throw ConformanceSkip(reason: "the suite cannot mount on the node")
            }
            $0.note(.stacked(target.targetPath))
            // Removing both mounts and refusing are both right; losing data is not.
            _ = await $0.attempt(
                CSIv1.Node.nodeUnpublishVolume, .init(volumeID: target.volumeID, targetPath: target.targetPath))
            await $0.site.unstack(target.targetPath)
            try await $0.unpublish(target)
            try await $0.expectContent("text", in: $0.publish(prepared))
        },
    ]

    private static let removals = Refusals(
        group: "node-unpublish", method: CSIv1.Node.nodeUnpublishVolume, needs: [.usableVolumes],
        request: {
            let target = try await $0.publish($0.prepare())
            return .init(volumeID: target.volumeID, targetPath: target.targetPath)
        })

    static let nodeUnpublish: [ConformanceCase] = [
        removals.row("no-id", "NodeUnpublishVolume without an id", origin: .sanity) { $0.volumeID = "" },
        removals.row("no-target", "NodeUnpublishVolume without a target path", origin: .sanity) { $0.targetPath = "" },
        removals.row("relative-target", "a relative target path") { $0.targetPath = "some/target" },
        ConformanceCase(
            "node-unpublish/gone", "the target is gone after NodeUnpublishVolume", .sanity,
            needs: [.usableVolumes, .paths]
        ) {
            let target = try await $0.publish($0.prepare())
            try await $0.unpublish(target)
            try $0.expect("whether the target exists", await $0.site.exists(target.targetPath), equals: false)
        },
        ConformanceCase(
            "node-unpublish/repeated", "unpublishing again and again succeeds", .sanity, needs: [.usableVolumes]
        ) {
            let target = try await $0.publish($0.prepare())
            for _ in 0...$0.configuration.repeats { try await $0.unpublish(target) }
        },
        ConformanceCase(
            "node-unpublish/never-published", "unpublishing what is not published succeeds", .sanity,
            needs: [.usableVolumes]
        ) {
            try await $0.unpublish($0.publishRequest($0.prepare(), at: $0.newTargetPath()))
        },
        ConformanceCase(
            "node-unpublish/unknown", "unpublishing an unknown volume succeeds or is NOT_FOUND", needs: [.nodeService]
        ) {
            try await $0.allow(
                CSIv1.Node.nodeUnpublishVolume, .init(volumeID: absentID, targetPath: $0.newTargetPath()), or: .notFound
            )
        },
        ConformanceCase(
            "node-unpublish/deleted", "a deleted volume is unpublished where it was", .sanity, needs: [.usableVolumes]
        ) {
            let prepared = try await $0.prepare()
            let target = try await $0.publish(prepared)
            try await $0.unpublish(target)
            try await $0.release(prepared)
            try await $0.deleteVolume(prepared.id)
            try await $0.allow(
                CSIv1.Node.nodeUnpublishVolume, .init(volumeID: target.volumeID, targetPath: target.targetPath),
                or: .notFound)
        },
        ConformanceCase(
            "node-unpublish/other-target", "unpublishing one target leaves another volume's target", needs: visible
        ) {
            let first = try await $0.publish($0.prepare())
            let second = try await $0.publish($0.prepare())
            try await $0.write("text", in: second)
            try await $0.unpublish(first)
            try await $0.expectContent("text", in: second)
        },
    ]
}
