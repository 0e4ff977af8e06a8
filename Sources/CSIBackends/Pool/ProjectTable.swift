/// The projects of a pool's volumes, and where to look for the next one.
struct ProjectTable: Sendable {
    /// Projects that volumes get.
    ///
    /// Below are those that people and container runtimes give out, from 1 and from 2^20 up.
    static let range: ClosedRange<UInt32> = 0x4000_0000...0x7fff_ffff

    /// How many projects lie between the beginnings of two pools on one file system, most likely.
    private static let stride: UInt32 = 1 << 18

    private var taken: Set<UInt32> = []
    private var next: UInt32 = range.lowerBound

    /// - Parameter seed: A number of the pool's own, so that pools on one file system seldom look at the same projects.
    init(seed: UInt64 = 0) {
        let places = UInt64(Self.range.upperBound - Self.range.lowerBound) / UInt64(Self.stride) + 1
        next = Self.range.lowerBound + UInt32(seed % places) * Self.stride
    }

    /// Where the search for a free project begins.
    var start: UInt32 { next }

    /// Takes a project; false when a volume has it, or is about to.
    mutating func take(_ project: UInt32) -> Bool {
        next = project < Self.range.upperBound && project >= Self.range.lowerBound ? project + 1 : Self.range.lowerBound
        return taken.insert(project).inserted
    }

    /// Notes the project of a volume that is there.
    mutating func note(_ project: UInt32) {
        taken.insert(project)
        if Self.range.contains(project), project >= next, project < Self.range.upperBound { next = project + 1 }
    }

    mutating func giveBack(_ project: UInt32) {
        taken.remove(project)
    }

    func holds(_ project: UInt32) -> Bool { taken.contains(project) }
}
