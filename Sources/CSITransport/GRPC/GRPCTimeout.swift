/// The value of `grpc-timeout`: one to eight digits and a unit.
enum GRPCTimeout {
    /// The nanoseconds that `value` asks for; nil when it is not a timeout.
    static func parse(_ value: UnsafeBufferPointer<UInt8>) -> UInt64? {
        guard (2...9).contains(value.count), let unit = value.last else { return nil }
        let scale: UInt64
        switch unit {
        case UInt8(ascii: "H"): scale = 3_600_000_000_000
        case UInt8(ascii: "M"): scale = 60_000_000_000
        case UInt8(ascii: "S"): scale = 1_000_000_000
        case UInt8(ascii: "m"): scale = 1_000_000
        case UInt8(ascii: "u"): scale = 1_000
        case UInt8(ascii: "n"): scale = 1
        default: return nil
        }
        var number: UInt64 = 0
        for digit in value.dropLast() {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            number = number * 10 + UInt64(digit - UInt8(ascii: "0"))
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: scale)
        // 99,999,999 hours are 11,000 years; a timer of 292 years is as good.
        return overflow ? UInt64(Int64.max) : min(product, UInt64(Int64.max))
    }

    /// The shortest exact form of `nanoseconds`, rounded up where eight digits need a larger unit.
    static func format(_ nanoseconds: UInt64) -> String {
        let units: [(String, UInt64)] = [
            ("n", 1), ("u", 1_000), ("m", 1_000_000), ("S", 1_000_000_000), ("M", 60_000_000_000),
        ]
        for (name, scale) in units {
            let number = nanoseconds / scale + (nanoseconds % scale == 0 ? 0 : 1)
            if number < 100_000_000 { return "\(number)\(name)" }
        }
        return "\(min(99_999_999, nanoseconds / 3_600_000_000_000 + 1))H"
    }
}
