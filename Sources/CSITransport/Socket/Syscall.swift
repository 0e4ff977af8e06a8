import CLinux
import Glibc

/// The system calls of this module: each answers its result, or `-errno`.
///
/// None is inlined, so that no retain or release can run between the call and the reading of `errno`.
enum Syscall {
    /// Reads at most `count` bytes of a socket, not waiting.
    @inline(never)
    static func receive(_ fd: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
        while true {
            let result = recv(fd, bytes, count, Int32(MSG_DONTWAIT))
            if result >= 0 { return result }
            let number = errno
            if number != EINTR { return -Int(number) }
        }
    }

    /// Writes at most `count` bytes to a socket, not waiting, and never raising SIGPIPE.
    @inline(never)
    static func send(_ fd: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
        while true {
            let result = Glibc.send(fd, bytes, count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
            if result >= 0 { return result }
            let number = errno
            if number != EINTR { return -Int(number) }
        }
    }

    /// Waits for events; `milliseconds` of -1 waits without an end.
    @inline(never)
    static func wait(_ epoll: Int32, _ events: UnsafeMutablePointer<epoll_event>, _ count: Int32, _ milliseconds: Int32)
        -> Int
    {
        let result = epoll_wait(epoll, events, count, milliseconds)
        return result >= 0 ? Int(result) : -Int(errno)
    }

    /// Calls `body`, whose -1 becomes `-errno`.
    @inline(never)
    static func call(_ body: () -> Int32) -> Int {
        while true {
            let result = body()
            if result >= 0 { return Int(result) }
            let number = errno
            if number != EINTR { return -Int(number) }
        }
    }

    /// Closes a descriptor; an interrupted close has closed it all the same on Linux.
    static func close(_ fd: Int32) {
        _ = Glibc.close(fd)
    }

    /// Nanoseconds of the monotonic clock.
    static func monotonicNanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(truncatingIfNeeded: time.tv_sec) &* 1_000_000_000 &+ UInt64(truncatingIfNeeded: time.tv_nsec)
    }

    /// The text of an error number, for example `No such file or directory (2)`.
    static func message(for number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
        let text = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return "\(String(decoding: text, as: UTF8.self)) (\(number))"
    }
}
