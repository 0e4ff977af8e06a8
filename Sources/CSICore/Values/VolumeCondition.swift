import CSIProto

/// Whether a volume is healthy, and what is wrong with it.
public struct VolumeCondition: Sendable, Hashable {
    /// Whether something is wrong.
    public let isAbnormal: Bool

    /// One line for an operator.
    public let message: String

    /// A volume without known faults.
    public static let normal = VolumeCondition(isAbnormal: false, message: "the volume is healthy")

    /// A volume with a fault that `message` describes.
    public static func abnormal(_ message: String) -> VolumeCondition {
        VolumeCondition(isAbnormal: true, message: message)
    }

    private init(isAbnormal: Bool, message: String) {
        self.isAbnormal = isAbnormal
        self.message = message
    }

    var wire: CSIv1.VolumeCondition { .init(abnormal: isAbnormal, message: message) }
}
