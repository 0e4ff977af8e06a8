public import CSICore
public import CSIHost
public import SystemPackage

/// The path at which a pod sees a volume: made, bound to the volume, and taken away again.
///
/// Whose mount is at the target is the backend's question; nothing here decides it.
public struct PublishTarget: Sendable {
    /// How long an unmount may take before the mount is detached.
    ///
    /// A bind mount goes at once unless a process still holds a file in it; such a process keeps its file after the detach,
    /// and the volume's data stays where it is.
    private static let unmountPolicy = UnmountPolicy.detaching(after: .seconds(2))

    /// The mode of the mount point itself; what a pod sees is the mode of the volume's root.
    private static let permissions = FilePermissions(rawValue: 0o750)

    private let path: FilePath
    private let host: any Host

    /// Names a target; nothing is looked at.
    public init(_ path: AbsolutePath, on host: any Host) {
        self.path = path.filePath
        self.host = host
    }

    /// Makes the mount point if it is not there, and bind-mounts the source at it; after an error nothing is left of either.
    /// - Parameters:
    ///   - source: The directory or device node.
    ///   - kind: `.directory`, or `.regular` for a device node.
    ///   - options: What the mount has from its first moment.
    /// - Throws: FAILED_PRECONDITION when the target's parent does not exist.
    @discardableResult
    public func bind(
        _ source: FilePath, kind: FileKind = .directory, options: BindOptions
    ) async throws(CSIError) -> MountEntry {
        let made: Bool
        do throws(HostError) {
            made = try await host.files.createMountPoint(path, kind: kind, permissions: Self.permissions)
        } catch {
            guard error.kind == .notFound else { throw CSIError(error) }
            throw .preconditionFailed("the directory that shall hold \(path) does not exist; the caller makes it")
        }
        do throws(HostError) {
            return try await host.mounts.bindMount(source: source, at: path, options: options)
        } catch {
            // Nothing is mounted; the mount point goes as well, if it was not there before.
            if made { _ = try? await host.files.removeMountPoint(path) }
            throw CSIError(error)
        }
    }

    /// Unmounts what is at the target; that nothing is there is success.
    public func unmount() async throws(CSIError) {
        _ = try await withHostErrors { () async throws(HostError) in
            try await host.mounts.unmount(path, policy: Self.unmountPolicy)
        }
    }

    /// Removes the mount point; the absent is success.
    /// - Throws: FAILED_PRECONDITION when files lie there that are not the volume's: they stay.
    public func remove(of id: VolumeID) async throws(CSIError) {
        do throws(HostError) {
            try await host.files.removeMountPoint(path)
        } catch {
            guard error.kind == .notEmpty else { throw CSIError(error) }
            throw .preconditionFailed(
                "\(path) holds files that are not of volume \"\(id)\"; look at them and remove them")
        }
    }
}

extension PublishVolume {
    /// Refuses a repeated publish that differs from what is mounted.
    /// - Parameters:
    ///   - mounted: What is at the target.
    ///   - origin: What should be.
    ///   - options: The options that it should have.
    /// - Throws: ALREADY_EXISTS naming what differs.
    public func requireSame(
        as mounted: MountEntry, of origin: MountOrigin, _ options: BindOptions
    ) throws(CSIError) {
        let publication = Resource.publication(id, target)
        guard mounted.origin == origin else {
            throw .alreadyExists(
                publication, differingIn: "source", existing: "\(mounted.origin)", requested: "\(origin)")
        }
        let existing = mounted.bindOptions
        guard existing != options else { return }
        let field = existing.contains(.readOnly) == options.contains(.readOnly) ? "mount_flags" : "readonly"
        throw .alreadyExists(
            publication, differingIn: field, existing: "options \(existing)", requested: "options \(options)")
    }
}
