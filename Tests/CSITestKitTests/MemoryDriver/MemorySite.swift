import CSITestKit
import Synchronization

/// The paths of a node that a `MemoryDriver` publishes at.
struct MemorySite: ConformanceSite {
    let driver: MemoryDriver

    let isVisible = true
    let canMount = true

    func makeDirectory(_ path: String) async -> Bool {
        driver.state.withLock { _ = $0.directories.insert(path) }
        return true
    }

    func removeDirectory(_ path: String) async {
        driver.state.withLock { _ = $0.directories.remove(path) }
    }

    func exists(_ path: String) async -> Bool {
        driver.state.withLock { state in
            state.directories.contains(path) || state.volumes.values.contains { $0.published[path] != nil }
        }
    }

    func write(_ text: String, to path: String) async -> Bool {
        driver.state.withLock { state in
            guard let (id, target) = Self.place(path, state) else { return false }
            if state.stacked.contains(target) { return true }
            guard state.volumes[id]?.published[target]?.readonly == false else { return false }
            state.volumes[id]?.content = text
            return true
        }
    }

    func read(_ path: String) async -> String? {
        driver.state.withLock { state in
            guard let (id, target) = Self.place(path, state), !state.stacked.contains(target) else { return nil }
            return state.volumes[id]?.content
        }
    }

    func stack(_ source: String, on target: String) async -> Bool {
        driver.state.withLock { _ = $0.stacked.insert(target) }
        return true
    }

    func unstack(_ target: String) async {
        driver.state.withLock { _ = $0.stacked.remove(target) }
    }

    private static func place(_ path: String, _ state: MemoryDriver.State) -> (id: String, target: String)? {
        for (id, volume) in state.volumes {
            for target in volume.published.keys where path.hasPrefix(target + "/") { return (id, target) }
        }
        return nil
    }
}
