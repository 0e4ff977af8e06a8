import CSIHost
import SystemPackage

/// The faults that a fake host has been told to produce, and the crash that it has been told to have.
struct FakeFaults: Sendable {
    private struct Fault: Sendable {
        let operation: HostOperation
        let path: FilePath?
        let kind: HostError.Kind
        var remaining: Int
    }

    private struct NumberedFault: Sendable {
        let index: Int
        let kind: HostError.Kind
    }

    private var faults: [Fault] = []
    private var numbered: [NumberedFault] = []

    /// The mutation to crash at, counted from now.
    var crash: (countdown: Int, moment: CrashMoment)?

    mutating func add(_ operation: HostOperation, at path: FilePath?, _ kind: HostError.Kind, times: Int) {
        faults.append(Fault(operation: operation, path: path, kind: kind, remaining: times))
    }

    mutating func add(index: Int, _ kind: HostError.Kind) {
        numbered.append(NumberedFault(index: index, kind: kind))
    }

    mutating func clear() {
        self = FakeFaults()
    }

    /// The failure that an effect is to have, which is then used up.
    mutating func take(for effect: HostEffect) -> HostError.Kind? {
        if let fault = numbered.first(where: { $0.index == effect.index }) { return fault.kind }
        let match = faults.firstIndex {
            $0.operation == effect.operation && ($0.path == nil || $0.path == effect.path) && $0.remaining > 0
        }
        guard let match else { return nil }
        faults[match].remaining -= 1
        return faults[match].kind
    }

    /// Whether, and in which moment, the process is to die in this effect.
    mutating func takeCrash(for effect: HostEffect) -> CrashMoment? {
        guard effect.operation.isMutation, let (countdown, moment) = crash else { return nil }
        crash = countdown > 0 ? (countdown - 1, moment) : nil
        return countdown > 0 ? nil : moment
    }
}
