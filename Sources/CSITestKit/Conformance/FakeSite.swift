import CSIHost
import SystemPackage

/// The files of a fake host as the node: for drivers that run on the model.
public struct FakeSite: ConformanceSite {
    private let host: FakeHost

    /// The model's paths always tell the truth.
    public let isVisible = true

    /// The model can always mount.
    public let canMount = true

    /// A site on a fake host.
    public init(_ host: FakeHost) {
        self.host = host
    }

    /// Makes the directory `path` and the missing ones above it; that it exists already is success.
    public func makeDirectory(_ path: String) async -> Bool {
        host.addDirectory(FilePath(path))
        return host.metadata(of: FilePath(path))?.kind == .directory
    }

    /// Removes the empty directory `path`; anything else stays.
    public func removeDirectory(_ path: String) async {
        _ = try? await host.files.removeMountPoint(FilePath(path))
    }

    /// Whether there is anything at `path`.
    public func exists(_ path: String) async -> Bool { host.metadata(of: FilePath(path)) != nil }

    /// Writes `text` into the file `path`, as a pod does; false when the kernel would refuse it.
    public func write(_ text: String, to path: String) async -> Bool {
        host.applicationWrites(FilePath(path), Array(text.utf8))
    }

    /// The text of the file `path`; nil when there is none.
    public func read(_ path: String) async -> String? {
        host.content(of: FilePath(path)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Binds the directory `source` on top of `target`.
    public func stack(_ source: String, on target: String) async -> Bool {
        let bound = try? await host.mounts.bindMount(source: FilePath(source), at: FilePath(target), options: [])
        return bound != nil
    }

    /// Removes the topmost mount at `target`, if there is one.
    public func unstack(_ target: String) async {
        try? host.inspect { (state) throws(HostError) in
            guard let top = state.world.mountTable().topmost(at: FilePath(target)) else { return }
            state.world.detach(top.mountID)
        }
    }
}
