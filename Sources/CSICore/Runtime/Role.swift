/// Which services a process offers.
public enum Role: String, Sendable, Hashable, CaseIterable {
    /// Identity and Controller.
    case controller
    /// Identity and Node.
    case node
    /// Identity, Controller and Node on one socket.
    case all

    var servesController: Bool { self != .node }
    var servesNode: Bool { self != .controller }
}
