/// What carries the bytes of one HTTP/2 connection: a socket, or a pipe in memory.
protocol Wire: AnyObject {
    /// Whether everything written has been taken.
    var isDrained: Bool { get }

    /// Who is at the other end; nil when it is this process.
    var peer: PeerCredentials? { get }

    /// Writes all bytes, keeping what cannot go out yet; the connection's `wireDrained()` is called once it is out.
    func write(_ bytes: UnsafeRawBufferPointer)

    /// Stops or resumes reading.
    func setReading(_ on: Bool)

    /// Closes at once; the connection hears nothing more.
    func close()
}
