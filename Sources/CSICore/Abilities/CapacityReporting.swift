/// A driver that knows how much room is left: GET_CAPACITY.
public protocol CapacityReporting: VolumeProvisioning {
    /// The room for new volumes that meet the request; 0 where none can be made.
    func capacity(_ request: GetCapacity) async throws(CSIError) -> Capacity
}

/// Room for new volumes, in bytes.
public struct Capacity: Sendable, Hashable {
    /// What is left for new volumes.
    public let available: Int64

    /// The largest volume that could be made now, nil when not known.
    public let largestVolume: Int64?

    /// The smallest volume that can be made, nil when not known.
    public let smallestVolume: Int64?

    /// Creates a capacity.
    public init(available: Int64, largestVolume: Int64? = nil, smallestVolume: Int64? = nil) {
        self.available = available
        self.largestVolume = largestVolume
        self.smallestVolume = smallestVolume
    }

    /// No room.
    public static let none = Capacity(available: 0, largestVolume: 0)
}
