import CLinux
import Glibc

/// Who is at the other end of a Unix socket, as the kernel recorded it when the connection was made.
public struct PeerCredentials: Sendable, Hashable {
    /// The process, in the server's pid namespace; 0 when it cannot be named there.
    public let processID: Int32

    /// The effective user.
    public let userID: UInt32

    /// The effective group.
    public let groupID: UInt32

    /// Credentials with these values.
    public init(processID: Int32, userID: UInt32, groupID: UInt32) {
        self.processID = processID
        self.userID = userID
        self.groupID = groupID
    }

    /// The credentials of a connected socket's peer, or of the process that listens on it.
    init?(of socket: Int32) {
        var pid: pid_t = 0
        var uid: uid_t = 0
        var gid: gid_t = 0
        guard csi_peer_credentials(socket, &pid, &uid, &gid) == 0 else { return nil }
        self.init(processID: pid, userID: uid, groupID: gid)
    }
}
