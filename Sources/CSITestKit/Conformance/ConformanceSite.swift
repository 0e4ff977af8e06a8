/// The node's file system, as far as the conformance suite can reach it.
///
/// The suite makes staging paths and the parents of target paths, as the kubelet does, and looks into published volumes
/// where it can. ``LocalSite`` is this machine; a test with a modelled node brings its own.
public protocol ConformanceSite: Sendable {
    /// Whether `exists`, `write` and `read` tell the truth about the node.
    var isVisible: Bool { get }

    /// Whether `stack` works.
    var canMount: Bool { get }

    /// Makes the directory `path`, whose parent exists; that it exists already is success.
    func makeDirectory(_ path: String) async -> Bool

    /// Removes the empty directory `path`; anything else stays.
    func removeDirectory(_ path: String) async

    /// Whether there is anything at `path`.
    func exists(_ path: String) async -> Bool

    /// Writes `text` into the file `path`; false when that is refused.
    func write(_ text: String, to path: String) async -> Bool

    /// The text of the file `path`; nil when there is none.
    func read(_ path: String) async -> String?

    /// Binds the directory `source` on top of `target`.
    func stack(_ source: String, on target: String) async -> Bool

    /// Removes the topmost mount at `target`, if there is one.
    func unstack(_ target: String) async
}

/// Starts the driver under test at sockets of the suite's choice.
public protocol ConformanceLauncher: Sendable {
    /// Starts an instance at the socket `path`, and returns once it either serves or has given up.
    ///
    /// - Returns: the running instance; nil when it refused to start.
    func launch(at path: String) async -> (any ConformanceInstance)?
}

/// One running instance of the driver under test.
public protocol ConformanceInstance: Sendable {
    /// Asks the instance to end, as SIGTERM does, and waits until it has.
    func stop() async
}
