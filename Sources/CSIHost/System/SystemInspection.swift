public import SystemPackage

/// Looks at what the machine offers to this process, for checks before a driver starts.
///
/// Nothing here changes anything, and nothing hangs.
public protocol SystemInspection: Sendable {
    /// Whether a feature of the kernel can be used, found out by a call of it that does nothing.
    func support(for feature: KernelFeature) async throws(HostError) -> FeatureSupport

    /// The effective capabilities of this process, of those that this library knows.
    func capabilities() async throws(HostError) -> Set<ProcessCapability>

    /// Whether ``Programs`` would find a program of this name.
    func hasProgram(_ name: String) async throws(HostError) -> Bool

    /// The types of file systems that the kernel knows now; it may load others when they are mounted.
    func fileSystemTypes() async throws(HostError) -> Set<String>

    /// Opens a device for reading and writing, and closes it again.
    ///
    /// - Throws: ``HostError`` of kind `notFound` or `permissionDenied`, among others.
    func requireDevice(_ path: FilePath) async throws(HostError)
}
