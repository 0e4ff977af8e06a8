/// A file system that lets nobody write until it is thawed.
///
/// Call ``thaw()`` as soon as the copy is taken, and believe in the copy only when that succeeded. A frozen file system that
/// is forgotten thaws at its deadline, when this object goes, and when the process dies.
public protocol FrozenFileSystem: AnyObject, Sendable {
    /// Lets writers go on.
    ///
    /// - Throws: ``HostError`` of kind `timedOut` when it was no longer frozen, so that what was copied meanwhile may hold half a
    ///   write: throw that copy away.
    func thaw() async throws(HostError)
}
