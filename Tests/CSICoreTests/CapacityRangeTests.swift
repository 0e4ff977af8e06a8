import CSIProto
import CSITransport
import Testing

@testable import CSICore

@Suite("Capacity ranges")
struct CapacityRangeTests {
    @Test(
        "Impossible ranges name the field",
        arguments: [
            (-1, 0, "required_bytes"), (0, -1, "limit_bytes"), (0, 0, "required_bytes or limit_bytes"), (2, 1, "above"),
            (Int64.min, Int64.min, "negative"),
        ] as [(Int64, Int64, String)])
    func refused(required: Int64, limit: Int64, complaint: String) {
        let error = #expect(throws: CSIError.self) {
            try CapacityRange(validating: .init(requiredBytes: required, limitBytes: limit))
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("capacity_range") == true)
        #expect(error?.message.contains(complaint) == true)
    }

    @Test(
        "The size is what is required, rounded up within the limit",
        arguments: [
            (10, 0, 1, 10), (10, 0, 4, 12), (12, 12, 4, 12), (0, 10, 4, 8), (0, 100, 4, 64), (1, 0, 1 << 20, 1 << 20),
            (Int64.max, 0, 1, Int64.max),
        ] as [(Int64, Int64, Int64, Int64)])
    func sizes(required: Int64, limit: Int64, granularity: Int64, expected: Int64) throws {
        let range = try CapacityRange(validating: .init(requiredBytes: required, limitBytes: limit))
        let size = try range.size(fallback: 64, granularity: granularity)
        #expect(size == expected)
        #expect(range.contains(size))
    }

    @Test(
        "No multiple within the range is OUT_OF_RANGE, and nothing overflows",
        arguments: [
            (10, 11, 4), (Int64.max, 0, 4096), (0, 3, 4),
        ] as [(Int64, Int64, Int64)])
    func impossible(required: Int64, limit: Int64, granularity: Int64) throws {
        let range = try CapacityRange(validating: .init(requiredBytes: required, limitBytes: limit))
        let error = #expect(throws: CSIError.self) { try range.size(fallback: 64, granularity: granularity) }
        #expect(error?.code == .outOfRange)
    }
}
