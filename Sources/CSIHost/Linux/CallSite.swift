import CLinux
import SystemPackage

/// The operation and path that system calls are made for: turns their results into values or errors that name both.
struct CallSite {
    let operation: HostOperation
    let path: FilePath

    init(_ operation: HostOperation, at path: FilePath) {
        self.operation = operation
        self.path = path
    }

    /// Makes a system call that returns minus the error number, again while signals interrupt it.
    @discardableResult
    func check(detail: String? = nil, _ call: () -> Int) throws(HostError) -> Int {
        switch result(call) {
        case .success(let value): return value
        case .failure(let errno): throw failure(errno, detail: detail)
        }
    }

    /// Makes a system call whose error numbers the caller tells apart.
    func result(_ call: () -> Int) -> Result<Int, Errno> {
        while true {
            let value = call()
            HelperBeat.systemCallReturned()
            if value >= 0 { return .success(value) }
            let errno = Errno(rawValue: CInt(truncatingIfNeeded: -value))
            if errno != .interrupted { return .failure(errno) }
        }
    }

    func failure(_ errno: Errno, detail: String? = nil) -> HostError {
        HostError(operation, at: path, errno: errno, detail: detail)
    }

    func failure(kind: HostError.Kind, detail: String? = nil) -> HostError {
        HostError(operation, at: path, kind: kind, detail: detail)
    }
}
