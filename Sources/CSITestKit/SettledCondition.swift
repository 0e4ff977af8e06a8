package import CSICore

/// The condition that looking again for some time comes to.
///
/// One look at a disk has two seconds: a machine that stands still for that long makes any disk look hung, and what is really wrong
/// stays so.
package func settled(_ look: () async throws -> VolumeCondition?) async throws -> VolumeCondition? {
    for _ in 0..<20 {
        let condition = try await look()
        if condition == .normal { return condition }
        try await Task.sleep(for: .milliseconds(200))
    }
    return try await look()
}
